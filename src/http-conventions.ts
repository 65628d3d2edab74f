/** The methods of RFC 9110 and RFC 5789 that are told by name; callers can send any other word, which is told as one. */
export const NAMED_METHODS: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'OPTIONS',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
]);

/** nginx's status of a request whose caller left before the end; it is told and never sent. */
export const CLIENT_CLOSED_REQUEST = 499;

/** The route of a request that no route takes, in logs and metrics. */
export const NO_ROUTE = 'unmatched';
