// The sandbox's own routes. A refusal is an Error with the sandbox's sentence.

async function answer(response) {
  if (response.ok) return response.status === 204 ? null : response.json();
  let reason = `the sandbox answered ${response.status}`;
  try {
    reason = (await response.json()).error ?? reason;
  } catch {
    // The status says it.
  }
  throw new Error(reason);
}

export async function get(name, query = {}) {
  return answer(await fetch(`/_sandbox/${name}?${new URLSearchParams(query)}`));
}

export async function post(name, body) {
  return answer(await fetch(`/_sandbox/${name}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) }));
}
