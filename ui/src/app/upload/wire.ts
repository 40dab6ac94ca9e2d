/** What a node answered; status 0: it did not. */
export interface Answer {
  status: number;
  text: string;
}

/** A request of which nothing more comes through for so long has failed. */
const STALL_MS = 60_000;

/** Fetch cannot say how much it has sent; its predecessor can. */
export function send(
  method: string,
  url: string,
  body: FormData | Blob | string,
  headers: Record<string, string>,
  tell: (sent: number) => void = () => undefined,
): Promise<Answer> {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    let stall = setTimeout(() => request.abort(), STALL_MS);
    request.upload.onprogress = (event) => {
      clearTimeout(stall);
      stall = setTimeout(() => request.abort(), STALL_MS);
      tell(event.loaded);
    };
    request.onloadend = () => {
      clearTimeout(stall);
      resolve({ status: request.status, text: request.responseText });
    };
    request.open(method, url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.send(body);
  });
}

/** Whether the same request may be answered better in a moment, or by another node. */
export function isTemporary(status: number): boolean {
  return [0, 429, 503, 504].includes(status);
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
