// Why there is no usable configuration, with what to do about it.

/** no-config: nothing names a cluster · unreadable: a file is missing or not readable · invalid: it does not say what it must · unsupported: it asks for what is not done here · login: the program that it names gives no credential. */
export type KubeConfigErrorCode = "no-config" | "unreadable" | "invalid" | "unsupported" | "login";

export class KubeConfigError extends Error {
  override readonly name = "KubeConfigError";
  readonly code: KubeConfigErrorCode;
  readonly nextStep: string;
  constructor(code: KubeConfigErrorCode, message: string, nextStep: string, cause?: unknown) {
    super(`${message}: ${nextStep}`, cause === undefined ? {} : { cause });
    this.code = code;
    this.nextStep = nextStep;
  }
}
