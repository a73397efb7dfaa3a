import { describe, expect, it } from 'vitest';
import { errorFromAnswer, errorFromWatchEvent, isExpired } from '../../src/kube/errors.ts';

function status(reason: string, more: object = {}): string {
  return JSON.stringify({
    kind: 'Status',
    apiVersion: 'v1',
    status: 'Failure',
    reason,
    message: `told: ${reason}`,
    ...more,
  });
}

describe('an answer that is no success', () => {
  it.each([
    // method, HTTP status, body, reason, retryable, may have landed
    ['PUT', 409, status('Conflict'), 'Conflict', false, false],
    ['POST', 409, status('AlreadyExists'), 'AlreadyExists', false, false],
    ['GET', 404, status('NotFound'), 'NotFound', false, false],
    ['GET', 404, '404 page not found', 'NotFound', false, false],
    ['PUT', 422, status('Invalid'), 'Invalid', false, false],
    ['PUT', 403, status('Forbidden'), 'Forbidden', false, false],
    ['PUT', 401, status('Unauthorized'), 'Unauthorized', false, false],
    ['GET', 410, status('Expired'), 'Expired', false, false],
    ['GET', 410, status('Gone'), 'Gone', false, false],
    ['PUT', 429, 'Too many requests, please try again later.', 'TooManyRequests', true, false],
    ['PUT', 500, status('InternalError'), 'InternalError', true, true],
    ['PUT', 500, status('ServerTimeout'), 'ServerTimeout', true, true],
    ['GET', 500, status('InternalError'), 'InternalError', true, false],
    ['PUT', 503, status('ServiceUnavailable'), 'ServiceUnavailable', true, true],
    ['DELETE', 502, '<html>', 'ServiceUnavailable', true, true],
    ['POST', 504, status('Timeout'), 'Timeout', true, true],
    ['GET', 504, status('Timeout'), 'Timeout', true, false],
    // Of an object that somebody has filled up to etcd's limit. It has no reason.
    ['PUT', 500, status('', { message: 'etcdserver: request is too large' }), 'RequestEntityTooLarge', false, false],
    ['PUT', 501, 'no', 'Unknown', false, true],
    ['PUT', 418, status('SomethingNew'), 'Unknown', false, false],
    ['PUT', 400, 'null', 'BadRequest', false, false],
    ['PUT', 500, '[1', 'InternalError', true, true],
  ])('%s %i %s is %s', (method, code, body, reason, retryable, mayHaveLanded) => {
    const error = errorFromAnswer({ method, path: '/api/v1/x', status: code, body });
    expect(error).toMatchObject({ status: code, reason, retryable, mayHaveLanded });
    expect(error.message).toContain(`${method} /api/v1/x: `);
  });

  it.each([
    ['the header', '7', '', 7_000],
    ['the body', undefined, status('TooManyRequests', { details: { retryAfterSeconds: 3 } }), 3_000],
    ['a header that is a date, which nobody sends', 'Wed, 21 Oct 2026 07:28:00 GMT', '', undefined],
    ['neither', undefined, '', undefined],
  ])('takes the time to wait from %s', (_, retryAfter, body, expected) => {
    expect(errorFromAnswer({ method: 'GET', path: '/', status: 429, body, retryAfter }).retryAfterMs).toBe(expected);
  });
});

describe('the ERROR event of a watch', () => {
  it.each([
    ['an expired resourceVersion', { code: 410, reason: 'Expired', message: 'too old' }, 'Expired', true, []],
    ['one without a reason', { code: 410, message: 'too old' }, 'Gone', true, []],
    [
      'a resourceVersion that is too large',
      { code: 504, reason: 'Timeout', details: { causes: [{ reason: 'ResourceVersionTooLarge' }] } },
      'Timeout',
      false,
      ['ResourceVersionTooLarge'],
    ],
    ['no Status at all', null, 'InternalError', false, []],
    ['a Status of the wrong shape', { code: 'x', details: { causes: 'y' } }, 'InternalError', false, []],
  ])('%s', (_, object, reason, expired, causes) => {
    const error = errorFromWatchEvent('/api/v1/pods', object);
    expect(error).toMatchObject({ reason, mayHaveLanded: false, causes });
    expect(isExpired(error)).toBe(expired);
  });
});
