#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes examples/sft/kjv_train.jsonl and kjv_valid.jsonl: questions and answers about verses of the King James Version (public
domain). Needs Debian's bible-kjv: apt-get install bible-kjv. The choice of verses depends on their references only."""
import hashlib
import json
import pathlib
import re
import subprocess

OUT = pathlib.Path(__file__).resolve().parents[2] / "examples" / "sft"
TRAIN, VALID = 320, 60
BOOKS = """Genesis Exodus Leviticus Numbers Deuteronomy Joshua Judges Ruth 1_Samuel 2_Samuel 1_Kings 2_Kings 1_Chronicles
2_Chronicles Ezra Nehemiah Esther Job Psalm Proverbs Ecclesiastes Song_of_Solomon Isaiah Jeremiah Lamentations Ezekiel Daniel
Hosea Joel Amos Obadiah Jonah Micah Nahum Habakkuk Zephaniah Haggai Zechariah Malachi Matthew Mark Luke John Acts Romans
1_Corinthians 2_Corinthians Galatians Ephesians Philippians Colossians 1_Thessalonians 2_Thessalonians 1_Timothy 2_Timothy
Titus Philemon Hebrews James 1_Peter 2_Peter 1_John 2_John 3_John Jude Revelation""".replace("_", "\0").split()


def verses():
    """(book, chapter, verse, text) of the whole Bible in order."""
    text = subprocess.run(["bible", "-f", "Gen1:1-Rev22:21"], capture_output=True, text=True, check=True,
                          stdin=subprocess.DEVNULL).stdout
    result, short, book = [], None, -1
    for line in text.splitlines():
        found = re.match(r"(\d?[A-Za-z]+)(\d+):(\d+) +(.*?) *$", line)
        if found[1] != short:
            short, book = found[1], book + 1
        result.append((BOOKS[book].replace("\0", " "), int(found[2]), int(found[3]), found[4]))
    assert book == 65 and len(result) == 31102
    return result


def say(role, content):
    return {"role": role, "content": content}


def conversation(bible, index, draw):
    book, chapter, verse, text = bible[index]
    place = f"{book} {chapter}:{verse}"
    words = text.split()
    if draw < 40:
        return [say("user", f"What does {place} say?"), say("assistant", f"{place} says: {text}")]
    if draw < 65:
        cut = len(words) // 2
        return [say("user", "Continue this verse: " + " ".join(words[:cut])), say("assistant", " ".join(words[cut:]))]
    if draw < 85:
        return [say("user", f"Which book holds these words? {text}"),
                say("assistant", f"These words are in {book}, chapter {chapter}.")]
    following = bible[index + 1]
    return [say("system", "You answer from the King James Bible."), say("user", f"Read {place} to me."),
            say("assistant", text), say("user", "And the verse after it?"), say("assistant", following[3])]


def main():
    bible = verses()
    candidates = []
    for index, (book, chapter, verse, text) in enumerate(bible[:-1]):
        digest = hashlib.sha256(f"{book} {chapter}:{verse}".encode()).digest()
        if 8 <= len(text.split()) <= 40 and len(bible[index + 1][3].split()) <= 40:
            candidates.append((digest, index))
    candidates.sort()
    made = [{"messages": conversation(bible, index, digest[-1] * 100 // 256)}
            for digest, index in candidates[:TRAIN + VALID]]
    OUT.mkdir(exist_ok=True)
    for name, part in (("train", made[:TRAIN]), ("valid", made[TRAIN:])):
        lines = [json.dumps(one, ensure_ascii=False) + "\n" for one in part]
        (OUT / f"kjv_{name}.jsonl").write_text("".join(lines), encoding="utf-8")
        print(f"{name}: {len(part)} conversations, {sum(map(len, lines))} bytes")


if __name__ == "__main__":
    main()
