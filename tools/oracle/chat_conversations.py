# SPDX-License-Identifier: Apache-2.0
"""Conversations that chat templates are tried with. Every content holds a word that is found nowhere else, so that a
test can tell whose text is where: `u…` of users and tools, `s…` of systems, `a…` of the assistant."""


def user(text):
    return {"role": "user", "content": text}


def assistant(text, **more):
    return {"role": "assistant", "content": text, **more}


def system(text):
    return {"role": "system", "content": text}


def call(name, arguments, **more):
    return {"type": "function", "function": {"name": name, "arguments": arguments}, **more}


WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather of a city.\nGives \"temperature\" & sky <now>.",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "Name of the city, e.g. Zürich"},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"], "default": "celsius"},
                "days": {"type": ["integer", "null"], "minimum": 1},
                "where": {"type": "object", "properties": {"lat": {"type": "number"}, "items": {"type": "array", "items": {"type": "string"}}}},
            },
            "required": ["city"],
        },
    },
}
CLOCK = {"type": "function", "function": {"name": "clock", "description": "Time.", "parameters": {"type": "object", "properties": {}}}}


def multi_turn():
    return [system("sys s01x"), user("one u01x"), assistant("first a01x"), user("two u02x"), assistant("second a02x"),
            user("three u03x"), assistant("third a03x")]


def tool_conversation(ids):
    more = {"id": "abcdefgh1"} if ids else {}
    back = {"tool_call_id": "abcdefgh1"} if ids else {}
    return [user("weather? u11x"),
            assistant("", tool_calls=[call("get_weather", {"city": "a11x Zürich", "days": 2, "where": {"lat": 1.5}}, **more)]),
            {"role": "tool", "name": "get_weather", "content": "{\"temperature\": 21, \"u12x\": true}", **back},
            assistant("It is warm a12x"), user("thanks u13x"), assistant("welcome a13x")]


def text_part(text):
    return {"type": "text", "text": text}


def conversations():
    """[(name, {"messages", "tools"?, "variables"?})]"""
    parallel = [call("get_weather", {"city": "a21x"}, id="call00001"), call("clock", {}, id="call00002")]
    string_args = [call("get_weather", "{\"city\": \"a31x\"}", id="call00003")]
    return [
        ("user", {"messages": [user("Hello u00x")]}),
        ("single", {"messages": [user("Hello u00x"), assistant("Hi a00x")]}),
        ("system", {"messages": [system("Be brief s00x"), user("Hello u00x"), assistant("Hi a00x")]}),
        ("multi", {"messages": multi_turn()}),
        ("multi_no_system", {"messages": multi_turn()[1:]}),
        ("tools_unused", {"messages": multi_turn(), "tools": [WEATHER, CLOCK]}),
        ("tool_call", {"messages": tool_conversation(True), "tools": [WEATHER, CLOCK]}),
        ("tool_call_no_id", {"messages": tool_conversation(False), "tools": [WEATHER]}),
        ("tool_call_open", {"messages": tool_conversation(True)[:3], "tools": [WEATHER]}),
        ("parallel_calls", {"messages": [user("both u21x"), assistant("let me see a22x", tool_calls=parallel),
                                         {"role": "tool", "name": "get_weather", "tool_call_id": "call00001", "content": "sun u22x"},
                                         {"role": "tool", "name": "clock", "tool_call_id": "call00002", "content": "12:00 u23x"},
                                         assistant("sun at noon a23x")], "tools": [WEATHER, CLOCK]}),
        ("string_arguments", {"messages": [user("again u31x"), assistant("", tool_calls=string_args),
                                           {"role": "tool", "name": "get_weather", "tool_call_id": "call00003", "content": "rain u32x"},
                                           assistant("wet a32x")], "tools": [WEATHER]}),
        ("null_content", {"messages": [user("again u31x"), assistant(None, tool_calls=[call("clock", {"zone": "a33x"}, id="call00004")]),
                                       {"role": "tool", "tool_call_id": "call00004", "content": "noon u33x"}], "tools": [CLOCK]}),
        ("reasoning", {"messages": [user("2+2? u41x"), assistant("4 a41x", reasoning_content="two and two a42x"),
                                    user("3+3? u42x"), assistant("6 a43x", reasoning_content="three\nand three a44x")]}),
        ("thinking_key", {"messages": [user("2+2? u41x"), assistant("4 a41x", thinking="two and two a42x")]}),
        ("inline_think", {"messages": [user("q u43x"), assistant("<think>\nhm a45x\n</think>\n\nanswer a46x"), user("q2 u44x"),
                                       assistant("<think>\nhm2 a47x\n</think>\n\nanswer2 a48x")]}),
        ("no_thinking", {"messages": [user("/no_think q u45x"), assistant("plain a49x")], "variables": {"enable_thinking": False}}),
        ("thinking_on", {"messages": [user("q u46x")], "variables": {"enable_thinking": True, "thinking": True}}),
        ("parts", {"messages": [user([text_part("part one u51x"), text_part("part two u52x")]), assistant([text_part("answer a51x")])]}),
        ("image", {"messages": [system("look s52x"), user([{"type": "image"}, text_part("what is it? u53x")]), assistant("a cat a53x"),
                                user([text_part("and u54x"), {"type": "image_url", "image_url": {"url": "file.png"}}]), assistant("a dog a54x")]}),
        ("empty", {"messages": [user(""), assistant("")]}),
        ("empty_answer", {"messages": [system(""), user("say nothing u61x"), assistant(""), user("and now? u62x"), assistant("words a62x")]}),
        ("unicode", {"messages": [system("日本語 s71x"), user("emoji 👩‍👩‍👧 ß İ \u2028 u71x"), assistant("Καλημέρα 𝔘 — “quotes” a71x")]}),
        ("white_space", {"messages": [user("  \n lead u81x \n\n"), assistant("\n\n  body a81x\n  \n"), user("\tnext u82x\u00a0"),
                                      assistant("trail a82x \u3000")]}),
        ("markup", {"messages": [user("<b>&amp; 'q' \"d\" {{ x }} {% if %} u91x"), assistant("</s><|im_end|>\\n `code` a91x")]}),
        ("system_middle", {"messages": [user("u01y"), assistant("a01y"), system("now s01y"), user("u02y"), assistant("a02y")]}),
        ("developer", {"messages": [{"role": "developer", "content": "dev s02y"}, user("u03y"), assistant("a03y")]}),
        ("assistant_first", {"messages": [assistant("welcome a04y"), user("u04y"), assistant("a05y")]}),
        ("two_assistants", {"messages": [user("u05y"), assistant("one a06y"), assistant("two a07y"), user("u06y"), assistant("three a08y")]}),
        ("unknown_role", {"messages": [user("u07y"), {"role": "critic", "content": "s03y"}, assistant("a09y")]}),
        ("documents", {"messages": [user("u08y"), assistant("a10y")],
                       "documents": [{"title": "doc s04y", "text": "body s05y"}]}),
    ]
