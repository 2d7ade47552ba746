// Calls of the server's API.

/** Like fetch; who is not logged in any more is sent to do so. */
export async function call(path, options) {
  const answer = await fetch(path, options);
  if (answer.status === 401) location.assign("/login");
  return answer;
}
