/** How long a task that is set aside is left alone before it is looked whether its chart is another by now, in ms. */
export const BLOCKED_WAIT = 30_000;
