import type { Backend } from '../backends/index.ts';
import type { Service } from '../service/index.ts';

/** What is behind the door. */
export interface Running {
  readonly service: Service;
  readonly backend: Backend;
}
