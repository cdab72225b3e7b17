/** What a start form's numbers mean: users over time. */

export interface Plan {
  users: number;
  /** Users per second. */
  spawnRate: number;
  /** Seconds; null runs until stopped. */
  runTime: number | null;
}

export interface PlanShape {
  /** Seconds until all users run, even past the end of the run. */
  rampSeconds: number;
  /** Users at the end of the ramp or of the run, whichever is first. */
  peak: number;
  /** Seconds the preview spans. */
  span: number;
  /** Corners of the line, as seconds and users. */
  corners: [seconds: number, users: number][];
}

/** The line a preview draws. An open end is shown as half as long again as the ramp. */
export function planShape({ users, spawnRate, runTime }: Plan): PlanShape {
  // The first step of a ramp comes at once.
  const rampSeconds = users <= spawnRate ? 0 : users / spawnRate;
  const span = runTime ?? Math.max(rampSeconds * 1.5, 1);
  const rampEnd = Math.min(rampSeconds, span);
  const peak = rampSeconds <= span ? users : Math.floor(spawnRate * span);
  const corners: [number, number][] = rampEnd > 0 ? [[0, 0]] : [];
  corners.push([rampEnd, peak]);
  if (rampEnd < span) corners.push([span, peak]);
  return { rampSeconds, peak, span, corners };
}

/** The line of stages, each with its seconds and the users at its end. */
export function stagesShape(stages: readonly (readonly [seconds: number, users: number])[]): PlanShape {
  const corners: [number, number][] = [[0, 0]];
  let at = 0;
  for (const [seconds, users] of stages) {
    at += seconds;
    corners.push([at, users]);
  }
  const peak = Math.max(0, ...stages.map(([, users]) => users));
  return {
    rampSeconds: corners.find(([, users]) => users === peak)?.[0] ?? 0,
    peak,
    span: Math.max(at, 1),
    corners,
  };
}
