import { bestOf, type Turns } from './summary.ts';
import type { Durability, System } from './systems.ts';

const WIDTH = 820;
const LABELS = 190;
const FIGURES = 150;
const ROW = 26;
const BAR = 16;
const TOP = 82;
const BOTTOM = 34;

const COLOURS: Readonly<Record<System['kind'], string>> = {
  limit: '#9a9a9a',
  ours: '#2457c5',
  peer: '#c96a1b',
};
const DONE: Readonly<Record<Durability, string>> = {
  disk: 'synced',
  system: 'not synced',
  memory: 'in memory',
};

/** Bars of orders a second, each system at its best, with the least and the most of the rounds. Limits are none of them. */
export function chartOf(all: readonly Turns[]): string {
  const bars = all
    .filter(({ system }) => system.kind !== 'limit')
    .flatMap((turns) => {
      const best = bestOf(turns);
      return best ? [{ system: turns.system, best }] : [];
    })
    .toSorted((a, b) => b.best.orders_s.median - a.best.orders_s.median);
  const most = Math.max(...bars.map(({ best }) => best.orders_s.max));
  const x = (ordersPerSecond: number) => ((WIDTH - LABELS - FIGURES) * ordersPerSecond) / most;
  const height = TOP + bars.length * ROW + BOTTOM;
  const rows = bars.map(({ system, best }, index) => {
    const { min, median, max } = best.orders_s;
    const middle = TOP + index * ROW + ROW / 2;
    const name = system.workers === 1 ? system.name : `${system.name}, ${system.workers} workers`;
    return [
      `<text x="${LABELS - 8}" y="${middle + 4}" text-anchor="end">${name}</text>`,
      `<rect x="${LABELS}" y="${middle - BAR / 2}" width="${x(median).toFixed(1)}" height="${BAR}" fill="${COLOURS[system.kind]}" fill-opacity="${system.durability === 'disk' ? 1 : 0.55}"/>`,
      `<path d="M${(LABELS + x(min)).toFixed(1)} ${middle}H${(LABELS + x(max)).toFixed(1)}" stroke="#222" stroke-width="1.5"/>`,
      `<text x="${(LABELS + x(max) + 8).toFixed(1)}" y="${middle + 4}"><tspan font-weight="600">${median.toLocaleString('en')}</tspan> ${DONE[system.durability]}</text>`,
    ].join('\n');
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="13" fill="#222">
<title>Orders a second: Taskchart and its peers</title>
<rect width="${WIDTH}" height="${height}" fill="#fff"/>
<text x="16" y="26" font-size="16" font-weight="600">Orders a second, each system at its best number in flight</text>
<text x="16" y="46" fill="#555">An order task of five steps, each kept; client, worker and server on one machine.</text>
<text x="16" y="64" fill="#555"><tspan fill="${COLOURS.ours}" font-weight="600">Taskchart</tspan> and <tspan fill="${COLOURS.peer}" font-weight="600">its peers</tspan>; pale where an order is said to be done before it is synced to the disk.</text>
${rows.join('\n')}
<text x="16" y="${height - 12}" fill="#555">Medians of rounds in which the systems take turns; the thin line is the least and the most.</text>
</svg>
`;
}
