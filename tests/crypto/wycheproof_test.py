"""What the program `wycheproof` promises: it agrees with files that are right, and tells of every mistake.

Usage: wycheproof_test.py WYCHEPROOF

The files are made here, with python3-cryptography as the second opinion. Writes its verdicts as TAP. In a cross
build, meson names the emulator in MESON_EXE_WRAPPER.
"""

import hashlib
import hmac
import json
import os
import random
import shlex
import subprocess
import sys
import tempfile
import traceback

from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

SEED = int(os.environ.get("FERRY_SEED") or random.SystemRandom().randrange(1 << 32))
RANDOM = random.Random(SEED)
KEY_BYTES = {"AES-GCM": 16, "CHACHA20-POLY1305": 32}
CIPHERS = {"AES-GCM": AESGCM, "CHACHA20-POLY1305": ChaCha20Poly1305}
PORTABLE = {"AES-GCM": "aes128gcm.portable", "CHACHA20-POLY1305": "chacha20poly1305.portable",
            "HMACSHA256": "sha256.portable"}


def flip(text, index=0):
    """The hex of `text` with its lowest bit at a byte changed."""
    data = bytearray.fromhex(text)
    data[index] ^= 1
    return data.hex()


def aead_case(algorithm, number, text_bytes, result="valid", **changes):
    """A case that is right, then changed."""
    key = RANDOM.randbytes(KEY_BYTES[algorithm])
    iv, aad, msg = RANDOM.randbytes(12), RANDOM.randbytes(text_bytes % 40), RANDOM.randbytes(text_bytes)
    sealed = CIPHERS[algorithm](key).encrypt(iv, msg, aad)
    case = {"tcId": number, "comment": "\u00e9 \"quoted\"", "flags": [], "key": key.hex(), "iv": iv.hex(),
            "aad": aad.hex(), "msg": msg.hex(), "ct": sealed[:-16].hex(), "tag": sealed[-16:].hex(),
            "result": result}
    for field, change in changes.items():
        case[field] = change(case[field]) if callable(change) else change
    return case


def mac_case(number, key_bytes, tag_bytes, result="valid", **changes):
    key, msg = RANDOM.randbytes(key_bytes), RANDOM.randbytes(number * 7)
    tag = hmac.new(key, msg, hashlib.sha256).digest()[:tag_bytes]
    case = {"tcId": number, "comment": "", "key": key.hex(), "msg": msg.hex(), "tag": tag.hex(),
            "result": result, "flags": []}
    for field, change in changes.items():
        case[field] = change(case[field])
    return case


def group(tests, key_bits, iv_bits=96, tag_bits=128):
    sizes = {"keySize": key_bits, "tagSize": tag_bits}
    if iv_bits is not None:
        sizes["ivSize"] = iv_bits
    return {"type": "MacTest" if iv_bits is None else "AeadTest", **sizes, "tests": tests}


def old_file(algorithm, *groups):
    return {"algorithm": algorithm, "generatorVersion": "0.8r12", "header": ["x"], "notes": {"A": "b"},
            "numberOfTests": sum(len(g["tests"]) for g in groups), "testGroups": list(groups)}


def new_file(algorithm, *groups):
    return {"algorithm": algorithm, "schema": "aead_test_schema_v1.json",
            "numberOfTests": sum(len(g["tests"]) for g in groups), "header": [],
            "notes": {"Ktv": {"bugType": "BASIC", "links": [], "cves": ["x"], "weight": 1.5e0}},
            "testGroups": [{**g, "source": {"name": "here", "version": "0.9rc5"}} for g in groups]}


class Lab:
    def __init__(self, program):
        self.command = shlex.split(os.environ.get("MESON_EXE_WRAPPER", "")) + [program]
        self.folder = tempfile.TemporaryDirectory(prefix="wycheproof-")

    def write(self, name, content):
        path = os.path.join(self.folder.name, name)
        with open(path, "w", encoding="utf-8") as to:
            to.write(content if isinstance(content, str) else json.dumps(content, indent=1))
        return path

    def run(self, *paths):
        """The exit code, and all that was printed."""
        done = subprocess.run([*self.command, *paths], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=120, check=False)
        return done.returncode, done.stdout

    def expect(self, content, code, *words, without=()):
        path = self.write("file.json", content)
        got, output = self.run(path)
        assert got == code, f"exit {got}, not {code}:\n{output}"
        for word in words:
            assert word in output, f"no {word!r} in:\n{output}"
        for word in without:
            assert word not in output, f"{word!r} in:\n{output}"
        return output


def many(algorithm):
    """Right cases and refused ones: every length that a kernel could treat in a way of its own."""
    lengths = [*range(0, 70), 127, 128, 129, 255, 256, 257, 511, 512, 513, 1025, 4100]
    tests = [aead_case(algorithm, n + 1, length) for n, length in enumerate(lengths)]
    first = len(tests) + 1
    for bit in range(128):
        def damage(text, bit=bit):
            return (int(text, 16) ^ (1 << bit)).to_bytes(16, "big").hex()
        tests.append(aead_case(algorithm, first + bit, 33, "invalid", tag=damage))
    first = len(tests) + 1
    tests += [aead_case(algorithm, first, 20, "invalid", ct=flip),
              aead_case(algorithm, first + 1, 20, "invalid", aad=flip),
              aead_case(algorithm, first + 2, 20, "invalid", iv=flip),
              aead_case(algorithm, first + 3, 20, "invalid", key=flip),
              aead_case(algorithm, first + 4, 20, "invalid", ct=lambda text: text[2:]),
              aead_case(algorithm, first + 5, 20, "acceptable"),
              aead_case(algorithm, first + 6, 20, "acceptable", tag=flip)]
    return tests


def right_aead_files(lab):
    for algorithm, key_bytes in KEY_BYTES.items():
        tests = many(algorithm)
        valid = sum(test["result"] == "valid" for test in tests)
        invalid = sum(test["result"] == "invalid" for test in tests)
        for make in (old_file, new_file):
            lab.expect(make(algorithm, group(tests, 8 * key_bytes)), 0,
                       f"{algorithm}, {len(tests)} cases: {valid} valid, {invalid} invalid, 2 acceptable, 0 skipped",
                       f"{PORTABLE[algorithm]}: {valid + 1} accepted, {invalid + 1} refused, 0 disagreements",
                       "1 files agree", without=("DISAGREES", "note:"))


def right_mac_files(lab):
    full = [mac_case(n + 1, n, 32) for n in range(70)]
    full.append(mac_case(71, 32, 32, "invalid", tag=flip))
    half = [mac_case(n + 72, 65, 16) for n in range(20)]
    half.append(mac_case(92, 65, 16, "invalid", tag=lambda text: flip(text, 15)))
    # A whole tag where a half one is due is not the tag.
    half.append(mac_case(93, 65, 32, "invalid"))
    content = old_file("HMACSHA256", group(full, 256, None, 256), group(half, 520, None, 128))
    lab.expect(content, 0, "HMACSHA256, 93 cases: 90 valid, 3 invalid, 0 acceptable, 0 skipped",
               "sha256.portable: 90 accepted, 3 refused, 0 disagreements")


def upper_case_and_unknown_fields(lab):
    upper = {field: str.upper for field in ("key", "iv", "aad", "msg", "ct", "tag")}
    test = aead_case("AES-GCM", 1, 50, **upper)
    test["new"] = {"deep": [1, [2.5, None, True], {"x": "\n\t\\"}]}
    content = new_file("AES-GCM", group([test], 128))
    content["testGroups"][0]["unknown"] = [-1e9, False]
    content["unknown"] = {}
    lab.expect(content, 0, "1 cases: 1 valid", "aes128gcm.portable: 1 accepted, 0 refused")
    lab.expect(json.dumps(content, separators=(",", ":")), 0, "1 cases: 1 valid")


def marked(algorithm, result, what, **changes):
    """A check that a case with a wrong mark is told of by its number, for every row, and nothing else is."""
    def check(lab):
        tests = [aead_case(algorithm, 5, 64), aead_case(algorithm, 6, 100, result, **changes),
                 aead_case(algorithm, 7, 64, "invalid", tag=flip)]
        output = lab.expect(new_file(algorithm, group(tests, 8 * KEY_BYTES[algorithm])), 1, "1 disagree,",
                            f"file.json tcId 6 {PORTABLE[algorithm]}: {what}", without=("tcId 5", "tcId 7"))
        runs = sum(" accepted, " in line for line in output.splitlines())
        told = {line.split()[4] for line in output.splitlines() if "DISAGREES" in line}
        assert len(told) == runs, output
    return check


def marked_mac(lab):
    for result, change, what in (("valid", flip, "is valid, but is refused"),
                                 ("invalid", lambda text: text, "is invalid, but is accepted")):
        tests = [mac_case(1, 32, 32), mac_case(2, 32, 32, result, tag=change)]
        lab.expect(old_file("HMACSHA256", group(tests, 256, None, 256)), 1, f"tcId 2 sha256.portable: {what}",
                   without=("tcId 1",))


def other_sizes_are_skipped(lab):
    usable = group([aead_case("AES-GCM", 1, 16)], 128)
    strange = [group([aead_case("AES-GCM", 2, 16, key="00" * 32)], 256),
               group([aead_case("AES-GCM", 3, 16, iv="00")] * 2, 128, 8),
               group([aead_case("AES-GCM", 5, 16, tag="00" * 12)], 128, 96, 96)]
    lab.expect(new_file("AES-GCM", usable, *strange), 0, "5 cases: 1 valid, 0 invalid, 0 acceptable, 4 skipped",
               "skipped 1: no row takes keySize 256", "skipped 2: no row takes ivSize 8",
               "skipped 1: no row takes tagSize 96", "aes128gcm.portable: 1 accepted", without=("nothing was run",))
    lab.expect(new_file("AES-GCM", *strange), 0, "4 skipped", "nothing was run", without=("accepted",))
    lab.expect(new_file("AES-GCM"), 0, "0 cases", "nothing was run")
    lab.expect(old_file("HMACSHA256", group([mac_case(1, 9, 32)], 72, None, 512)), 0, "no row takes tagSize 512",
               "nothing was run")


def sizes_of_a_case_that_its_group_does_not_have(lab):
    for field, value in (("key", "00" * 15), ("iv", ""), ("iv", "00" * 13), ("tag", "00" * 15), ("tag", "")):
        for result, code in (("invalid", 0), ("acceptable", 0), ("valid", 1)):
            test = aead_case("AES-GCM", 9, 16, result, **{field: value})
            words = ("tcId 9", "of another size") if code else ("0 accepted, 1 refused, 0 disagreements",)
            lab.expect(new_file("AES-GCM", group([test], 128)), code, *words)


def ill_formed(lab):
    right = new_file("AES-GCM", group([aead_case("AES-GCM", 4, 16)], 128))
    text = json.dumps(right)
    for cut in [0, 1, 5, len(text) // 2, len(text) - 1]:
        lab.expect(text[:cut], 2, "file.json: the file is not JSON", "an early end", "1 could not be read")
    lab.expect(text + "}", 2, "something after the end")
    lab.expect("[" * 100000, 2, "too deep")
    lab.expect("[]", 2, "is not a JSON object")

    def broken(change, *words):
        content = json.loads(text)
        change(content, content["testGroups"][0], content["testGroups"][0]["tests"][0])
        lab.expect(content, 2, "file.json", *words)

    broken(lambda file, group, test: file.pop("algorithm"), 'has no "algorithm"')
    broken(lambda file, group, test: file.update(algorithm="AES-EAX"), '"AES-EAX"', "known are")
    broken(lambda file, group, test: file.pop("testGroups"), 'has no "testGroups"')
    broken(lambda file, group, test: file.update(testGroups={}), "testGroups is not a list")
    broken(lambda file, group, test: file.update(testGroups=[1]), "testGroups[0]: is not an object")
    broken(lambda file, group, test: group.pop("tests"), 'testGroups[0]: has no "tests"')
    broken(lambda file, group, test: group.pop("keySize"), 'testGroups[0]: has no "keySize"')
    broken(lambda file, group, test: group.update(ivSize="96"), "ivSize is not a number")
    broken(lambda file, group, test: group.update(tagSize=128.5), "tagSize is not a whole number")
    broken(lambda file, group, test: group.update(tagSize=-128), "tagSize is not a whole number")
    broken(lambda file, group, test: group["tests"].append(None), "testGroups[0].tests[1]: is not an object")
    broken(lambda file, group, test: test.pop("tcId"), 'testGroups[0].tests[0]: has no "tcId"')
    for field in ("key", "iv", "aad", "msg", "ct", "tag"):
        where = "testGroups[0].tests[0] (tcId 4): "
        broken(lambda file, group, test: test.pop(field), f'{where}has no "{field}"')
        broken(lambda file, group, test: test.update({field: "0"}), f"{where}{field} is not hex")
        broken(lambda file, group, test: test.update({field: "0g"}), f"{where}{field} is not hex")
        broken(lambda file, group, test: test.update({field: 7}), f"{where}{field} is not a string")
    broken(lambda file, group, test: test.update(result="maybe"), '(tcId 4): result is "maybe"')


def a_wrong_count_is_noted(lab):
    content = new_file("AES-GCM", group([aead_case("AES-GCM", 1, 16)], 128))
    content["numberOfTests"] = 2
    lab.expect(content, 0, "note: numberOfTests says 2")
    del content["numberOfTests"]
    lab.expect(content, 0, without=("note:",))


def several_files(lab):
    right = lab.write("right.json", new_file("AES-GCM", group([aead_case("AES-GCM", 1, 16)], 128)))
    wrong = lab.write("wrong.json", new_file("AES-GCM", group([aead_case("AES-GCM", 1, 16, tag=flip)], 128)))
    absent = os.path.join(lab.folder.name, "absent.json")
    for paths, code, counts in (((right, right), 0, (2, 0, 0)), ((wrong, right), 1, (1, 1, 0)),
                                ((absent, wrong, right), 2, (1, 1, 1)), ((lab.folder.name, right), 2, (1, 0, 1))):
        got, output = lab.run(*paths)
        assert got == code, output
        assert "%d files agree, %d disagree, %d could not be read" % counts in output, output
    assert "absent.json: cannot be read" in lab.run(absent)[1]
    for arguments in ((), ("--help",)):
        got, output = lab.run(*arguments)
        assert got == 2 and "usage:" in output, output


CHECKS = {
    "agrees with right files of AEADs": right_aead_files,
    "agrees with right files of HMAC": right_mac_files,
    "takes upper case and unknown fields": upper_case_and_unknown_fields,
    "tells of a wrong tag marked valid": marked("AES-GCM", "valid", "is valid, but is refused", tag=flip),
    "tells of a wrong tag marked valid, ChaCha20":
        marked("CHACHA20-POLY1305", "valid", "is valid, but is refused", tag=flip),
    "tells of a wrong ciphertext marked valid": marked("AES-GCM", "valid", "is valid, but is refused", ct=flip),
    "tells of a wrong plaintext marked valid": marked("AES-GCM", "valid", "is valid, but opens to another text", msg=flip),
    "tells of a wrong aad marked valid": marked("AES-GCM", "valid", "is valid, but is refused", aad=flip),
    "tells of a right case marked invalid": marked("AES-GCM", "invalid", "is invalid, but is accepted"),
    "tells of a right case marked invalid, ChaCha20":
        marked("CHACHA20-POLY1305", "invalid", "is invalid, but is accepted"),
    "tells of wrong marks of HMAC": marked_mac,
    "skips groups of other sizes and says so": other_sizes_are_skipped,
    "refuses sizes that a group does not have": sizes_of_a_case_that_its_group_does_not_have,
    "says what is wrong with a file": ill_formed,
    "notes a wrong count": a_wrong_count_is_noted,
    "goes through several files": several_files,
}


def main(arguments):
    lab = Lab(arguments[0])
    print(f"# seed {SEED}; set FERRY_SEED to repeat")
    print(f"1..{len(CHECKS)}")
    failures = 0
    for number, (name, check) in enumerate(CHECKS.items(), 1):
        try:
            check(lab)
            print(f"ok {number} - {name}", flush=True)
        except Exception:  # whatever went wrong is a failure of this check
            failures += 1
            print(f"not ok {number} - {name}")
            print("".join(f"# {line}\n" for line in traceback.format_exc().splitlines()), flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
