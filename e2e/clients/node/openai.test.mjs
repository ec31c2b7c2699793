// What an app written with the openai package expects, against a proxy in front of the simulated backends.
// The base URL comes from OPENAI_BASE_URL, as it would for the app. "simulate:..." texts ask a backend for a fault.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import OpenAI from 'openai';

const LLAMA = 'llama3-8b';
const PHI = 'phi4-mini';
const MATH = 'What is 2+2 * (5-1)?';
const HISTORY = 'Why did the Roman Empire fall?';
const PIXEL = 'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

const client = new OpenAI({ apiKey: process.env.OPENAI_API_KEY ?? 'sk-e2e', maxRetries: 0, timeout: 30_000 });

const user = (text) => [{ role: 'user', content: text }];
const create = (text, more = {}, options = {}) =>
  client.chat.completions.create({ model: LLAMA, messages: user(text), ...more }, options);

const tool = (name) => ({
  type: 'function',
  function: { name, parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] } },
});
const TOOLS = [tool('get_weather'), tool('get_local_time')];

async function collect(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

const textOf = (chunks) => chunks.map((c) => c.choices[0]?.delta.content ?? '').join('');

// What the backend has counted: started, ended and cancelled requests.
const stats = async () => JSON.parse((await create('simulate:stats')).choices[0].message.content);

// The backend must learn soon that its client has gone.
async function expectCancel(before) {
  const deadline = Date.now() + 5000;
  while ((await stats()).cancelled <= before.cancelled) {
    assert.ok(Date.now() < deadline, 'the backend was not told that the client went away');
    await sleep(20);
  }
}

test('plain', async () => {
  const answer = await create(HISTORY);
  assert.ok(answer.choices[0].message.content.startsWith(`[simulated ${LLAMA}] `));
  assert.equal(answer.choices[0].finish_reason, 'stop');
  assert.equal(answer.model, LLAMA);
  assert.equal(answer.usage.prompt_tokens, 6);
  assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens);
});

test('stream is the same text and sends no usage unasked', async () => {
  const whole = await create(HISTORY);
  const chunks = await collect(await create(HISTORY, { stream: true }));
  assert.equal(textOf(chunks), whole.choices[0].message.content);
  assert.ok(chunks.every((c) => c.usage == null));
  assert.equal(chunks.at(-1).choices[0].finish_reason, 'stop');
});

test('stream with usage', async () => {
  const whole = await create(HISTORY);
  const chunks = await collect(await create(HISTORY, { stream: true, stream_options: { include_usage: true } }));
  assert.deepEqual(chunks.at(-1).choices, []);
  assert.deepEqual(chunks.at(-1).usage, whole.usage);
  assert.ok(chunks.slice(0, -1).every((c) => c.usage === null));
});

test('tool call and its result', async () => {
  const question = 'What is the weather in Paris?';
  const first = await create(question, { tools: TOOLS });
  const message = first.choices[0].message;
  assert.equal(first.choices[0].finish_reason, 'tool_calls');
  assert.deepEqual(message.tool_calls.map((c) => [c.function.name, c.function.arguments]), [['get_weather', '{"city":"Paris"}']]);
  const messages = [...user(question), message, { role: 'tool', tool_call_id: message.tool_calls[0].id, content: 'sunny' }];
  const second = await create(question, { messages, tools: TOOLS });
  assert.equal(second.choices[0].message.tool_calls, undefined);
  assert.ok(second.choices[0].message.content);
});

test('parallel tool calls whole and streamed', async () => {
  const question = 'What are the weather and the time in Paris?';
  const calls = (await create(question, { tools: TOOLS })).choices[0].message.tool_calls;
  assert.deepEqual(calls.map((c) => c.function.name), ['get_weather', 'get_local_time']);
  const one = await create(question, { tools: TOOLS, parallel_tool_calls: false });
  assert.equal(one.choices[0].message.tool_calls.length, 1);
  const runner = client.chat.completions.stream({ model: LLAMA, messages: user(question), tools: TOOLS });
  const streamed = (await runner.finalMessage()).tool_calls;
  const plain = (c) => [c.id, c.function.name, c.function.arguments];
  assert.deepEqual(streamed.map(plain), calls.map(plain));
});

test('json schema', async () => {
  const schema = {
    type: 'object',
    properties: { city: { type: 'string' }, population: { type: 'integer' } },
    required: ['city', 'population'],
    additionalProperties: false,
  };
  const answer = await create('Tell me about Paris', {
    response_format: { type: 'json_schema', json_schema: { name: 'place', strict: true, schema } },
  });
  const place = JSON.parse(answer.choices[0].message.content);
  assert.deepEqual(Object.keys(place).sort(), ['city', 'population']);
  assert.ok(Number.isInteger(place.population));
});

test('image part', async () => {
  const content = [{ type: 'text', text: 'What is this?' }, { type: 'image_url', image_url: { url: PIXEL } }];
  const answer = await create('', { messages: [{ role: 'user', content }] });
  assert.match(answer.choices[0].message.content, /1 image\(s\)/);
});

test('many at once', async () => {
  const one = async (i) => textOf(await collect(await create(`Question ${i}?`, { stream: true })));
  const texts = await Promise.all(Array.from({ length: 20 }, (_, i) => one(i)));
  texts.forEach((text, i) => assert.ok(text.includes(`Question ${i}?`)));
});

test('abort mid-stream reaches the backend', async () => {
  const before = await stats();
  const stream = await create('simulate:stall', { stream: true });
  for await (const chunk of stream) {
    if (chunk.choices[0].delta.content) break; // leaving the loop aborts the request
  }
  await expectCancel(before);
});

test('abort by signal reaches the backend', async () => {
  const before = await stats();
  await assert.rejects(create('simulate:hang', {}, { signal: AbortSignal.timeout(200) }), OpenAI.APIUserAbortError);
  await expectCancel(before);
});

test('timeout reaches the backend', async () => {
  const before = await stats();
  await assert.rejects(create('simulate:hang', {}, { timeout: 300 }), OpenAI.APIConnectionTimeoutError);
  await expectCancel(before);
});

test('error classes', async () => {
  const kinds = {
    400: OpenAI.BadRequestError,
    401: OpenAI.AuthenticationError,
    403: OpenAI.PermissionDeniedError,
    404: OpenAI.NotFoundError,
    408: OpenAI.APIError,
    409: OpenAI.ConflictError,
    413: OpenAI.APIError,
    422: OpenAI.UnprocessableEntityError,
    429: OpenAI.RateLimitError,
    500: OpenAI.InternalServerError,
    502: OpenAI.InternalServerError,
    503: OpenAI.InternalServerError,
    529: OpenAI.InternalServerError,
  };
  for (const [status, kind] of Object.entries(kinds)) {
    for (const stream of [false, true]) {
      await assert.rejects(create(`simulate:error:${status}`, { stream }), (e) => {
        assert.ok(e instanceof kind, `${status} raised ${e?.constructor?.name}`);
        assert.equal(e.status, Number(status));
        assert.equal(e.code, `simulated_${status}`);
        return true;
      });
    }
  }
});

test('retry-after is obeyed by the client and not spent by the proxy', async () => {
  const before = await stats();
  const begin = Date.now();
  await assert.rejects(create('simulate:error:429', {}, { maxRetries: 1 }), (e) => e.headers.get('retry-after') === '1');
  assert.ok(Date.now() - begin >= 900);
  assert.equal((await stats()).started - before.started, 2 + 1); // two tries, and this question
});

test('a stream that breaks raises', async () => {
  for (const text of ['simulate:reset', 'simulate:break']) {
    let got = '';
    await assert.rejects(async () => {
      for await (const chunk of await create(text, { stream: true })) got += chunk.choices[0].delta.content ?? '';
    }, text);
    assert.equal(got.trim().split(/\s+/).length, 3, `${text}: the words before the break were "${got}"`);
  }
});

const route = (model, text, headers = {}) =>
  client.chat.completions.create({ model, messages: user(text) }, { headers }).withResponse();

test('auto sends mathematics to one model and history to the other', async () => {
  for (const [text, model] of [[MATH, PHI], [HISTORY, LLAMA]]) {
    const { data, response } = await route('auto', text);
    assert.equal(data.model, model);
    assert.equal(response.headers.get('x-vsr-selected-model'), model);
    assert.equal(response.headers.get('x-simulated-selected-model'), model, 'what the backend was told');
  }
});

test('an explicit model is honoured', async () => {
  const { data, response } = await route(LLAMA, MATH);
  assert.equal(data.model, LLAMA);
  assert.equal(response.headers.get('x-vsr-selected-model'), LLAMA);
  assert.equal(response.headers.get('x-vsr-selected-category'), null);
});

test('raw response has the headers that logs are searched by', async () => {
  const { response, request_id } = await route('auto', HISTORY);
  assert.ok(request_id);
  for (const name of ['x-vsr-selected-decision', 'x-vsr-selected-category', 'x-vsr-confidence']) {
    assert.ok(response.headers.get(name), name);
  }
  assert.equal(response.headers.get('x-vsr-response-path'), 'upstream');
  assert.equal((await route('auto', HISTORY, { 'x-request-id': 'e2e-42' })).request_id, 'e2e-42');
});

test('a client cannot choose by header', async () => {
  const { response } = await route('auto', HISTORY, { 'X-Selected-Model': PHI, 'x-vsr-selected-model': PHI });
  assert.equal(response.headers.get('x-simulated-selected-model'), LLAMA);
  assert.equal(response.headers.get('x-vsr-selected-model'), LLAMA);
});

test('unknown model is named', async () => {
  await assert.rejects(create('hi', { model: 'no-such-model' }), (e) =>
    e instanceof OpenAI.NotFoundError && e.code === 'model_not_found' && e.param === 'model');
});

test('bad request names its field', async () => {
  await assert.rejects(create('', { messages: [] }), (e) => e instanceof OpenAI.BadRequestError && e.param === 'messages');
});

test('responses plain and streamed', async () => {
  for (const [input, model] of [[MATH, PHI], [HISTORY, LLAMA]]) {
    const whole = await client.responses.create({ model: 'auto', input });
    assert.equal(whole.model, model);
    assert.ok(whole.output_text.startsWith(`[simulated ${model}] `));
    const events = await collect(await client.responses.create({ model: 'auto', input, stream: true }));
    assert.deepEqual(events.map((e) => e.sequence_number), events.map((_, i) => i));
    const deltas = events.filter((e) => e.type === 'response.output_text.delta');
    assert.equal(deltas.map((e) => e.delta).join(''), whole.output_text);
    assert.equal(events.at(-1).type, 'response.completed');
    assert.deepEqual(events.at(-1).response.usage, whole.usage);
  }
});

test('responses call functions in a stream', async () => {
  const { name, parameters } = TOOLS[0].function;
  const stream = client.responses.stream({
    model: LLAMA,
    input: 'What is the weather in Paris?',
    tools: [{ type: 'function', name, parameters, strict: false }],
  });
  const [item] = (await stream.finalResponse()).output;
  assert.deepEqual([item.name, item.arguments], ['get_weather', '{"city":"Paris"}']);
});

test('completions plain and streamed', async () => {
  const whole = await client.completions.create({ model: 'auto', prompt: HISTORY });
  assert.equal(whole.model, LLAMA);
  const chunks = await collect(await client.completions.create({ model: 'auto', prompt: HISTORY, stream: true }));
  assert.equal(chunks.map((c) => c.choices[0].text).join(''), whole.choices[0].text);
});

test('embeddings', async () => {
  const { data } = await client.embeddings.create({ model: LLAMA, input: ['one', 'two', 'one'] });
  assert.deepEqual(data[0].embedding, data[2].embedding);
  const length = data[1].embedding.reduce((sum, x) => sum + x * x, 0);
  assert.ok(Math.abs(length - 1) < 1e-4);
});

test('models', async () => {
  const ids = (await collect(await client.models.list())).map((m) => m.id);
  for (const id of ['auto', LLAMA, PHI]) assert.ok(ids.includes(id), id);
});
