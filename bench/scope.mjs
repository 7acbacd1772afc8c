// A scope for what a measurement opens: closed in reverse order at its end, whether it failed or not.

/** Runs `work(scope)`; `scope.after(fn)` registers what is called at the end. */
export async function withScope(work) {
  const ends = [];
  try {
    return await work({ after: (end) => ends.push(end) });
  } finally {
    for (const end of ends.reverse()) await end();
  }
}
