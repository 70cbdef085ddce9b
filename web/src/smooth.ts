// An exponential moving average without the pull towards zero that it begins with: each value is
// divided by the weight that has come together so far. 0 changes nothing, 0.99 looks back a hundred points.
export function smooth(values: (number | null)[], weight: number): (number | null)[] {
  if (!(weight > 0)) return values;
  let sum = 0;
  let share = 0;
  return values.map((value) => {
    if (value === null || !Number.isFinite(value)) return null;
    sum = weight * sum + (1 - weight) * value;
    share = weight * share + (1 - weight);
    return sum / share;
  });
}

// The weight in an address, or 0.
export function weightFrom(text: string | null): number {
  const weight = Number(text);
  return weight > 0 && weight <= 0.99 ? weight : 0;
}
