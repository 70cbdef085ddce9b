// Ticks of a logarithmic axis that may begin anywhere. uPlot's own count up from the beginning of
// the range, which takes for ever when rounding eats the step.

const MANY = 9; // fewer, where there is little room

// Round numbers from min to max (both > 0): 1, 2, 5 of every power of ten where few fit, else
// the powers alone, else every second, third, ... of them. Within less than that: evenly spaced.
export function logTicks(min: number, max: number, many = MANY): number[] {
  const from = Math.floor(Math.log10(min));
  const to = Math.ceil(Math.log10(max));
  if (!Number.isFinite(from) || !Number.isFinite(to)) return [];
  for (const digits of [[1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 5], [1]]) {
    const ticks = between(min, max, from, to, 1, digits);
    if (ticks.length < 2) return even(min, max);
    if (ticks.length <= many) return ticks;
  }
  return between(min, max, from, to, Math.ceil((to - from) / many), [1]);
}

export function even(min: number, max: number): number[] {
  const rough = (max - min) / 4;
  if (!(rough > 0)) return [];
  const power = Math.floor(Math.log10(rough));
  const digit = [1, 2, 5, 10].find((d) => d * 10 ** power >= rough * 0.999999) ?? 10;
  const step = digit * 10 ** power;
  const ticks: number[] = [];
  for (let i = Math.ceil(min / step); i <= Math.floor(max / step) && ticks.length < MANY; i++)
    ticks.push(Number((i * step).toPrecision(12)));
  return ticks;
}

function between(min: number, max: number, from: number, to: number, step: number, digits: number[]): number[] {
  const ticks: number[] = [];
  for (let power = Math.ceil(from / step) * step; power <= to; power += step) {
    for (const digit of digits) {
      const tick = Number(`${digit}e${power}`); // exact, where 10 ** power is not
      if (tick >= min && tick <= max) ticks.push(tick);
    }
  }
  return ticks;
}
