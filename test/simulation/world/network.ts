/**
 * The way between agents and the API server. That a request is carried out and that it is answered are two steps, each of which may
 * come late or never, and in any order: one that nobody waits for any longer may still be carried out.
 */
import type { Step } from './step.ts';

/** What a request does, and how its sender hears of it. */
export interface Call {
  readonly sender: string;
  /** Such as `write claim default/a`. */
  readonly what: string;
  /** Reads or writes at the server, and returns how to tell the sender the result. */
  readonly carryOut: () => () => void;
  /** Tells the sender that no word came; absent: the sender waits for as long as it takes. */
  readonly unanswered?: () => void;
  /** Tells the sender that it was surely not carried out; absent: that does not happen to it. */
  readonly refused?: () => void;
}

/** What concerns all requests at once. */
interface Circumstances {
  /** The server answers nobody. */
  readonly isOut: boolean;
  /** Processes that stand still: what they have sent may land, but they hear nothing. */
  readonly pausedSenders: ReadonlySet<string>;
}

export class Request {
  readonly #call: Call;
  #answer: (() => void) | undefined;
  #mayLand = true;
  #isAwaited = true;
  #isDelayed = false;

  constructor(call: Call) {
    this.#call = call;
  }

  get what(): string {
    return `${this.#call.sender}: ${this.#call.what}`;
  }

  get sender(): string {
    return this.#call.sender;
  }

  get mayLand(): boolean {
    return this.#mayLand;
  }

  /** Its sender waits for word. */
  get isAwaited(): boolean {
    return this.#isAwaited;
  }

  /** It has been sent, has not arrived, and its sender waits for it. */
  get isUnderWay(): boolean {
    return this.#mayLand && this.#isAwaited;
  }

  /** Nothing can come of it any more. */
  get isOver(): boolean {
    return !this.#mayLand && !this.#isAwaited;
  }

  /** It is stuck somewhere: nothing comes of it by itself until it is hurried. */
  delay(): void {
    this.#isDelayed = true;
  }

  hurry(): void {
    this.#isDelayed = false;
  }

  /** It is carried out now. */
  land(): void {
    if (!this.#mayLand) throw new Error(`${this.what}: cannot land any more`);
    this.#mayLand = false;
    this.#answer = this.#call.carryOut();
  }

  /** Its result arrives. */
  answer(): void {
    const answer = this.#answer;
    if (answer === undefined) throw new Error(`${this.what}: has not landed`);
    this.#endWaiting();
    answer();
  }

  /** It never arrives at the server. */
  lose(): void {
    this.#mayLand = false;
  }

  /** The way to the server breaks: what has not arrived never does, and no answer finds its way back. */
  cut(): void {
    this.#mayLand = false;
    this.#answer = undefined;
  }

  /** The sender hears nothing. What has not landed yet still may. */
  giveUp(): void {
    this.#endWaiting();
    this.#call.unanswered?.();
  }

  /** The server says no. */
  refuse(): void {
    if (!this.#mayLand) throw new Error(`${this.what}: has landed or is lost already`);
    this.#mayLand = false;
    this.#endWaiting();
    this.#call.refused?.();
  }

  /** The sender is gone, or does not care any longer. What has not landed yet still may. */
  abandon(): void {
    this.#isAwaited = false;
  }

  /** How it goes on when nothing goes wrong. */
  steps({ isOut, pausedSenders }: Circumstances): Step[] {
    if (this.#isDelayed) return [];
    if (this.#mayLand) return isOut ? [] : [{ what: this.#words('land'), run: () => this.land() }];
    if (!this.#isAwaited || pausedSenders.has(this.sender)) return [];
    if (this.#answer !== undefined) return [{ what: this.#words('answer'), run: () => this.answer() }];
    return [{ what: this.#words('give up'), run: () => this.giveUp() }];
  }

  faults({ pausedSenders }: Circumstances): Step[] {
    const delay: Step = this.#isDelayed
      ? { what: this.#words('hurry'), run: () => this.hurry() }
      : { what: this.#words('delay'), fault: 'delayed request', run: () => this.delay() };
    const faults = [delay];
    const { unanswered, refused } = this.#call;
    const hears = this.#isAwaited && !pausedSenders.has(this.sender);
    const canGiveUp = hears && unanswered !== undefined;
    const fault = this.#mayLand ? 'no answer, may land later' : 'no answer, has landed';
    if (canGiveUp) faults.push({ what: this.#words('give up'), fault, run: () => this.giveUp() });
    if (this.#mayLand && (canGiveUp || !this.#isAwaited))
      faults.push({ what: this.#words('lose'), fault: 'lost request', run: () => this.lose() });
    if (this.#mayLand && hears && refused !== undefined)
      faults.push({ what: this.#words('refuse'), fault: 'refused request', run: () => this.refuse() });
    return faults;
  }

  #endWaiting(): void {
    if (!this.#isAwaited) throw new Error(`${this.what}: is answered already`);
    this.#isAwaited = false;
  }

  #words(verb: string): string {
    return `${this.#call.sender}: ${verb} ${this.#call.what}`;
  }
}

/** All requests of which something may still come, oldest first. */
export class Network {
  readonly pausedSenders = new Set<string>();
  isOut = false;
  #requests: Request[] = [];

  get requests(): readonly Request[] {
    this.#requests = this.#requests.filter((request) => !request.isOver);
    return this.#requests;
  }

  send(call: Call): Request {
    const request = new Request(call);
    this.#requests.push(request);
    return request;
  }

  /** The oldest request whose words match. Throws where there is none: a test that expects it is wrong. */
  find(words: RegExp): Request {
    const found = this.requests.find(({ what }) => words.test(what));
    if (found === undefined)
      throw new Error(`no request matches ${words}; there are: ${this.requests.map(({ what }) => what).join(', ')}`);
    return found;
  }

  abandon(sender: string): void {
    for (const request of this.#requests) if (request.sender === sender) request.abandon();
  }

  /** Nothing is stuck any longer. */
  hurry(): void {
    for (const request of this.#requests) request.hurry();
  }

  /** The server ends: whatever has not been carried out is lost, and who waits hears nothing. What has arrived at who stands still is read later. */
  cut(): void {
    for (const request of this.requests) if (request.mayLand || !this.pausedSenders.has(request.sender)) request.cut();
  }

  steps(): Step[] {
    return this.requests.flatMap((request) => request.steps(this));
  }

  faults(): Step[] {
    return this.requests.flatMap((request) => request.faults(this));
  }
}
