#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Renders conversations with transformers' apply_chat_template.

usage: chat_render.py real CACHE OUT.jsonl     templates of published models (fetched by package, not committed)
       chat_render.py golden OUT.json          the small templates of chat_templates.py

Each record of OUT: template (file name, or its text), special, messages, tools, documents, variables, agp
(add_generation_prompt), cfm (continue_final_message or ""), and either text or error; of templates with
{% generation %} also `generated`, the marked byte ranges.
"""
import datetime
import json
import pathlib
import subprocess
import sys
import tarfile

import transformers.utils.chat_template_utils as chat_utils
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

from chat_conversations import conversations

PACKAGE, VERSION = "llama-cpp-python", "0.3.36"
SPECIAL = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}


class FixedTime(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls(2025, 7, 4, 13, 5, 9)


chat_utils.datetime = FixedTime


def make_tokenizer():
    return PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.BPE()), **SPECIAL)


def render(tokenizer, template, case):
    try:
        return {"text": tokenizer.apply_chat_template(
            case["messages"], tools=case["tools"], documents=case["documents"], chat_template=template, tokenize=False,
            add_generation_prompt=case["agp"], continue_final_message=case["cfm"] or False, **case["variables"])}
    except Exception as error:  # any refusal counts: the product must refuse as well
        return {"error": f"{type(error).__name__}: {error}"[:300]}


def byte_ranges(text, ranges):
    return [[len(text[:begin].encode()), len(text[:end].encode())] for begin, end in ranges]


def generated(template, case):
    """Marked ranges, through the same function that return_assistant_tokens_mask uses."""
    messages = [{k: v for k, v in m.items() if v is not None} for m in case["messages"]]
    texts, ranges = chat_utils.render_jinja_template(
        [messages], tools=case["tools"], documents=case["documents"], chat_template=template,
        return_assistant_tokens_mask=True, add_generation_prompt=case["agp"], **{**SPECIAL, **case["variables"]})
    return byte_ranges(texts[0], ranges[0])


def cases_of(conversation):
    base = {"messages": conversation["messages"], "tools": conversation.get("tools"),
            "documents": conversation.get("documents"), "variables": conversation.get("variables", {}), "cfm": ""}
    yield {**base, "agp": False}
    yield {**base, "agp": True}
    if conversation["messages"][-1]["role"] == "assistant":
        yield {**base, "agp": False, "cfm": "content"}


def record(tokenizer, template, case, shown):
    result = render(tokenizer, template, case)
    if "text" in result and "generation %}" in template.replace("-%}", " %}") and not case["cfm"]:
        result["generated"] = generated(template, case)
    return {"template": shown, "special": SPECIAL, **case, **result}


def fetch(cache):
    """Template files of the package's source archive, extracted once."""
    folder = cache / f"{PACKAGE}-{VERSION}"
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", PACKAGE,
                        f"{PACKAGE}=={VERSION}", "-d", str(cache)], check=True)
        archive = next(cache.glob("llama_cpp_python-*.tar.gz"))
        partial = cache / "partial"
        partial.mkdir(exist_ok=True)
        with tarfile.open(archive) as tar:
            for member in tar:
                if "models/templates/" in member.name and member.name.endswith(".jinja"):
                    (partial / pathlib.PurePosixPath(member.name).name).write_bytes(tar.extractfile(member).read())
        partial.rename(folder)
    return sorted(folder.glob("*.jinja"))


def write_real(cache, out):
    tokenizer = make_tokenizer()
    with open(out, "w", encoding="utf-8") as file:
        for path in fetch(cache):
            template = path.read_text(encoding="utf-8")
            for name, conversation in conversations():
                for case in cases_of(conversation):
                    line = record(tokenizer, template, case, str(path))
                    file.write(json.dumps({"name": name, **line}, ensure_ascii=False) + "\n")


def write_golden(out):
    from chat_templates import TEMPLATES
    tokenizer = make_tokenizer()
    records = []
    for name, template, case in TEMPLATES:
        full = {"messages": [{"role": "user", "content": "hi"}], "tools": None, "documents": None, "variables": {},
                "cfm": "", "agp": False, **case}
        records.append({"name": name, **record(tokenizer, template, full, template)})
    pathlib.Path(out).write_text(json.dumps(records, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1] == "real":
        write_real(pathlib.Path(sys.argv[2]), sys.argv[3])
    else:
        write_golden(sys.argv[2])
