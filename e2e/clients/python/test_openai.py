"""What an app written with the openai package expects, against a proxy in front of the simulated backends.

The base URL comes from OPENAI_BASE_URL, as it would for the app. "simulate:..." texts ask a backend for a fault.
"""

import asyncio
import base64
import json
import os
import sys
import time
import unittest

import openai

LLAMA, PHI = "llama3-8b", "phi4-mini"
MATH, HISTORY = "What is 2+2 * (5-1)?", "Why did the Roman Empire fall?"
KEY = os.environ.get("OPENAI_API_KEY", "sk-e2e")
PIXEL = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(64)).decode()
PLACE = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "population": {"type": "integer"}},
    "required": ["city", "population"],
    "additionalProperties": False,
}


def function(name):
    city = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    return {"type": "function", "function": {"name": name, "parameters": city}}


TOOLS = [function("get_weather"), function("get_local_time")]


def user(text):
    return [{"role": "user", "content": text}]


def stats(client, model=LLAMA):
    """What the backend has counted: started, ended and cancelled requests."""
    answer = client.chat.completions.create(model=model, messages=user("simulate:stats"))
    return json.loads(answer.choices[0].message.content)


class Case(unittest.TestCase):
    def setUp(self):
        self.client = openai.OpenAI(api_key=KEY, max_retries=0, timeout=30)
        self.addCleanup(self.client.close)

    def create(self, text, model=LLAMA, **more):
        return self.client.chat.completions.create(model=model, messages=user(text), **more)

    def expect_cancel(self, before):
        """The backend must learn soon that its client has gone."""
        deadline = time.monotonic() + 5
        while stats(self.client)["cancelled"] <= before["cancelled"]:
            self.assertLess(time.monotonic(), deadline, "the backend was not told that the client went away")
            time.sleep(0.02)


class Chat(Case):
    def test_plain(self):
        answer = self.create(HISTORY)
        self.assertTrue(answer.choices[0].message.content.startswith(f"[simulated {LLAMA}] "))
        self.assertEqual("stop", answer.choices[0].finish_reason)
        self.assertEqual(LLAMA, answer.model)
        self.assertEqual(6, answer.usage.prompt_tokens)
        self.assertEqual(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens)

    def test_stream_is_the_same_text_and_sends_no_usage_unasked(self):
        whole = self.create(HISTORY).choices[0].message.content
        with self.create(HISTORY, stream=True) as stream:
            chunks = list(stream)
        self.assertEqual(whole, "".join(c.choices[0].delta.content or "" for c in chunks))
        self.assertTrue(all(c.usage is None for c in chunks))
        self.assertEqual("stop", chunks[-1].choices[0].finish_reason)

    def test_stream_with_usage(self):
        usage = self.create(HISTORY).usage
        with self.create(HISTORY, stream=True, stream_options={"include_usage": True}) as stream:
            chunks = list(stream)
        self.assertEqual([], chunks[-1].choices)
        self.assertEqual(usage, chunks[-1].usage)
        self.assertTrue(all(c.usage is None for c in chunks[:-1]))

    def test_tool_call_and_its_result(self):
        first = self.create("What is the weather in Paris?", tools=TOOLS)
        (call,) = first.choices[0].message.tool_calls
        self.assertEqual(("tool_calls", "get_weather"), (first.choices[0].finish_reason, call.function.name))
        self.assertEqual({"city": "Paris"}, json.loads(call.function.arguments))
        messages = user("What is the weather in Paris?") + [
            first.choices[0].message,
            {"role": "tool", "tool_call_id": call.id, "content": "sunny"},
        ]
        second = self.client.chat.completions.create(model=LLAMA, messages=messages, tools=TOOLS)
        self.assertIsNone(second.choices[0].message.tool_calls)
        self.assertTrue(second.choices[0].message.content)

    def test_parallel_tool_calls_whole_and_streamed(self):
        question = "What are the weather and the time in Paris?"
        calls = self.create(question, tools=TOOLS).choices[0].message.tool_calls
        self.assertEqual(["get_weather", "get_local_time"], [c.function.name for c in calls])
        one = self.create(question, tools=TOOLS, parallel_tool_calls=False).choices[0].message.tool_calls
        self.assertEqual(1, len(one))
        with self.client.chat.completions.stream(model=LLAMA, messages=user(question), tools=TOOLS) as stream:
            streamed = stream.get_final_completion().choices[0].message.tool_calls
        self.assertEqual(
            [(c.id, c.function.name, c.function.arguments) for c in calls],
            [(c.id, c.function.name, c.function.arguments) for c in streamed],
        )

    def test_json_schema(self):
        form = {"type": "json_schema", "json_schema": {"name": "place", "strict": True, "schema": PLACE}}
        place = json.loads(self.create("Tell me about Paris", response_format=form).choices[0].message.content)
        self.assertEqual({"city", "population"}, set(place))
        self.assertIsInstance(place["population"], int)

    def test_image_part(self):
        parts = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": PIXEL}}]
        answer = self.client.chat.completions.create(model=LLAMA, messages=[{"role": "user", "content": parts}])
        self.assertIn("1 image(s)", answer.choices[0].message.content)

    def test_async_many_at_once(self):
        async def main():
            async with openai.AsyncOpenAI(api_key=KEY, max_retries=0, timeout=30) as client:

                async def one(i):
                    stream = await client.chat.completions.create(model=LLAMA, messages=user(f"Question {i}?"), stream=True)
                    return "".join([c.choices[0].delta.content or "" async for c in stream])

                return await asyncio.gather(*(one(i) for i in range(20)))

        for i, text in enumerate(asyncio.run(main())):
            self.assertIn(f"Question {i}?", text)


class Broken(Case):
    def test_abort_mid_stream_reaches_the_backend(self):
        before = stats(self.client)
        stream = self.create("simulate:stall", stream=True)
        self.assertTrue(any(chunk.choices[0].delta.content for chunk in stream))  # stops at the first text
        stream.close()
        self.expect_cancel(before)

    def test_timeout_reaches_the_backend(self):
        before = stats(self.client)
        with self.assertRaises(openai.APITimeoutError):
            self.create("simulate:hang", timeout=0.3)
        self.expect_cancel(before)

    def test_error_classes(self):
        for status, kind in {
            400: openai.BadRequestError,
            401: openai.AuthenticationError,
            403: openai.PermissionDeniedError,
            404: openai.NotFoundError,
            408: openai.APIStatusError,
            409: openai.ConflictError,
            413: openai.APIStatusError,
            422: openai.UnprocessableEntityError,
            429: openai.RateLimitError,
            500: openai.InternalServerError,
            502: openai.InternalServerError,
            503: openai.InternalServerError,
            529: openai.InternalServerError,
        }.items():
            for stream in (False, True):
                with self.subTest(status=status, stream=stream), self.assertRaises(kind) as caught:
                    self.create(f"simulate:error:{status}", stream=stream)
                self.assertEqual((status, f"simulated_{status}"), (caught.exception.status_code, caught.exception.code))

    def test_retry_after_is_obeyed_by_the_client_and_not_spent_by_the_proxy(self):
        before, begin = stats(self.client), time.monotonic()
        with self.assertRaises(openai.RateLimitError) as caught:
            self.client.with_options(max_retries=1).chat.completions.create(model=LLAMA, messages=user("simulate:error:429"))
        self.assertEqual("1", caught.exception.response.headers["retry-after"])
        self.assertGreaterEqual(time.monotonic() - begin, 0.9)
        self.assertEqual(2 + 1, stats(self.client)["started"] - before["started"])  # two tries, and this question

    def test_a_stream_that_breaks_raises(self):
        for text, kind in {"simulate:reset": openai.APIConnectionError, "simulate:break": openai.APIError}.items():
            got = ""
            with self.subTest(text), self.assertRaises(kind):
                for chunk in self.create(text, stream=True):
                    got += chunk.choices[0].delta.content or ""
            self.assertEqual(3, len(got.split()), "the words before the break")


class Routing(Case):
    def route(self, model, text):
        raw = self.client.chat.completions.with_raw_response.create(model=model, messages=user(text))
        return raw.headers, raw.parse()

    def test_auto_sends_mathematics_to_one_model_and_history_to_the_other(self):
        for text, model in {MATH: PHI, HISTORY: LLAMA}.items():
            headers, answer = self.route("auto", text)
            self.assertEqual(model, answer.model)
            self.assertEqual(model, headers["x-vsr-selected-model"])
            self.assertEqual(model, headers["x-simulated-selected-model"], "what the backend was told")

    def test_an_explicit_model_is_honoured(self):
        headers, answer = self.route(LLAMA, MATH)
        self.assertEqual((LLAMA, LLAMA), (answer.model, headers["x-vsr-selected-model"]))
        self.assertNotIn("x-vsr-selected-category", headers)

    def test_raw_response_has_the_headers_that_logs_are_searched_by(self):
        headers, _ = self.route("auto", HISTORY)
        for name in ("x-request-id", "x-vsr-selected-decision", "x-vsr-selected-category", "x-vsr-confidence"):
            self.assertTrue(headers.get(name), name)
        self.assertEqual("upstream", headers["x-vsr-response-path"])
        mine = self.client.chat.completions.with_raw_response.create(
            model="auto", messages=user(MATH), extra_headers={"x-request-id": "e2e-42"}
        )
        self.assertEqual("e2e-42", mine.headers["x-request-id"])

    def test_a_client_cannot_choose_by_header(self):
        raw = self.client.chat.completions.with_raw_response.create(
            model="auto", messages=user(HISTORY), extra_headers={"X-Selected-Model": PHI, "x-vsr-selected-model": PHI}
        )
        self.assertEqual([LLAMA], raw.headers.get_list("x-simulated-selected-model"))
        self.assertEqual([LLAMA], raw.headers.get_list("x-vsr-selected-model"))

    def test_unknown_model_is_named(self):
        with self.assertRaises(openai.NotFoundError) as caught:
            self.create("hi", model="no-such-model")
        self.assertEqual(("model_not_found", "model"), (caught.exception.code, caught.exception.param))

    def test_bad_request_names_its_field(self):
        with self.assertRaises(openai.BadRequestError) as caught:
            self.client.chat.completions.create(model="auto", messages=[])
        self.assertEqual("messages", caught.exception.param)


class Others(Case):
    def test_responses_plain_and_streamed(self):
        for text, model in {MATH: PHI, HISTORY: LLAMA}.items():
            whole = self.client.responses.create(model="auto", input=text)
            self.assertEqual((model, "completed"), (whole.model, whole.status))
            self.assertTrue(whole.output_text.startswith(f"[simulated {model}] "))
            with self.client.responses.create(model="auto", input=text, stream=True) as stream:
                events = list(stream)
            self.assertEqual(list(range(len(events))), [e.sequence_number for e in events])
            self.assertEqual(whole.output_text, "".join(e.delta for e in events if e.type == "response.output_text.delta"))
            self.assertEqual(("response.created", "response.completed"), (events[0].type, events[-1].type))
            self.assertEqual(whole.usage, events[-1].response.usage)

    def test_responses_call_functions_in_a_stream(self):
        tools = [{"type": "function", "name": "get_weather", "parameters": TOOLS[0]["function"]["parameters"], "strict": False}]
        with self.client.responses.stream(model=LLAMA, input="What is the weather in Paris?", tools=tools) as stream:
            (item,) = stream.get_final_response().output
        self.assertEqual(("get_weather", '{"city":"Paris"}'), (item.name, item.arguments))

    def test_completions_plain_and_streamed(self):
        whole = self.client.completions.create(model="auto", prompt=HISTORY)
        self.assertEqual(LLAMA, whole.model)
        with self.client.completions.create(model="auto", prompt=HISTORY, stream=True) as stream:
            self.assertEqual(whole.choices[0].text, "".join(chunk.choices[0].text for chunk in stream))

    def test_embeddings(self):
        data = self.client.embeddings.create(model=LLAMA, input=["one", "two", "one"]).data
        self.assertEqual(3, len(data))
        self.assertEqual(data[0].embedding, data[2].embedding)
        self.assertAlmostEqual(1, sum(x * x for x in data[1].embedding), places=4)

    def test_models(self):
        self.assertLessEqual({"auto", LLAMA, PHI}, {model.id for model in self.client.models.list()})


if __name__ == "__main__":
    program = unittest.main(exit=False)
    failed = len({str(test).split(" ")[0] for test, _ in program.result.failures + program.result.errors})
    print(f"openai-python {openai.__version__}: {program.result.testsRun - failed} passed, {failed} failed")
    sys.exit(failed > 0)
