#!/usr/bin/env python3
"""Write the project's own Notary v1 scenarios and the index of all scenarios.

    generate.py [NAME...]        make these scenarios of scenarios.py (default: all) anew, ask the
                                 reference client, write test-vectors/notary/own/NAME/, then the index
    generate.py --index          write test-vectors/notary/manifest.json only (standard library)
    generate.py --table          print name, verdicts and codes of each own scenario

Needs `cryptography`, `openssl` and the Debian package `notary` 0.7.0. Keys are new at every run
and are not kept. Where the reference client's answer is not the one that the flags of a scenario
imply, a line that starts with SURPRISE is printed.
"""
import datetime
import json
import pathlib
import shutil
import sys

import reference

NOTARY = pathlib.Path(__file__).resolve().parents[1] / "notary"
OWN = NOTARY / "own"
INDEXED = ("reason", "stricter_verdict", "lenient_verdict", "allowed_verdicts", "both_modes", "reference_time", "description",
           "codes", "rules")


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def dump(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def write(scenario, server):
    """Write one scenario's folder, with the reference client's answers."""
    folder = OWN / scenario.name
    shutil.rmtree(folder, ignore_errors=True)
    for name, body in scenario.pins.items():
        (folder / "pin").mkdir(parents=True, exist_ok=True)
        (folder / "pin" / name).write_bytes(body)
    tags = {tag: None for step in scenario.steps for tag in step["tags"]}
    steps = []
    for number, step in enumerate(scenario.steps, 1):
        where = f"steps/{number:02d}"
        for name, body in step["files"].items():
            path = folder / where / f"{name}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
        steps.append({"dir": where, **step["fields"], "tags": tags})
    manifest = {"format": 1, "scenario": scenario.name, "gun": scenario.gun,
                "produced_by": "test-vectors/generate; verdicts by the notary 0.7.0 client",
                "description": scenario.description, "reason": scenario.fields.pop("reason", None),
                "reference_time": now(), "pin": scenario.pin, "steps": steps}
    answers = reference.ask(server, folder, manifest)
    for number, answer in enumerate(answers):
        sound = steps[number].pop("sound_tags", None)
        steps[number] = {**steps[number], **answer} | ({"sound_tags": sound} if sound else {})
    manifest |= scenario.fields
    dump(folder / "manifest.json", manifest)
    return manifest


def surprises(manifest):
    """What the flags imply about the reference client and its answers do not bear out."""
    if manifest["reason"] == "parser":   # a lenient parser takes these, whatever ours says
        return
    last = len(manifest["steps"]) - 1
    for number, step in enumerate(manifest["steps"]):
        flags = {**(manifest if number == last else {}), **{k: step[k] for k in ("stricter_verdict", "lenient_verdict", "codes") if k in step}}
        if "stricter_verdict" in flags or not flags.get("codes"):
            want = "rejected" if "lenient_verdict" in flags else "trusted"
        else:
            want = "rejected"
        if step["verdict"] != want:
            yield f"SURPRISE {manifest['scenario']} {step['dir']}: {step['verdict']}, not {want}: {step['notary_message']}"


def index():
    """Write the index of the captured, forged and own scenarios."""
    rows = []
    for path in sorted(NOTARY.glob("*/*/manifest.json")):
        m = json.loads(path.read_text())
        rows.append({"path": path.parent.relative_to(NOTARY).as_posix(), "gun": m["gun"], "pin": m["pin"]["mode"],
                     "verdicts": [s["verdict"] for s in m["steps"]], "reason": m["reason"],
                     **{k: m[k] for k in INDEXED if k in m}})
    dump(NOTARY / "manifest.json", {"format": 1, "count": len(rows), "scenarios": rows})
    return len(rows)


def table():
    """One line an own scenario."""
    for path in sorted(OWN.glob("*/manifest.json")):
        m = json.loads(path.read_text())
        flags = [k.split("_")[0] for k in ("stricter_verdict", "lenient_verdict", "allowed_verdicts", "both_modes") if k in m]
        steps = []
        for s in m["steps"]:
            extra = [k.split("_")[0] for k in ("stricter_verdict", "lenient_verdict", "pin") if k in s] + s.get("codes", [])
            steps.append(s["verdict"] + ("(" + " ".join(extra) + ")" if extra else ""))
        print(m["scenario"], ", ".join(steps), "+".join(flags), " ".join(m.get("codes", [])), sep=" | ")


def main(names):
    if names == ["--index"]:
        print(index(), "scenarios")
        return
    if names == ["--table"]:
        table()
        return
    import scenarios
    made = [s for s in scenarios.ALL if not names or s.name in names]
    server = reference.Server()
    for make in made:
        manifest = write(make.build(), server)
        for line in surprises(manifest):
            print(line)
    if not names:
        for folder in OWN.iterdir():
            if folder.is_dir() and folder.name not in {s.name for s in made}:
                print("stale:", folder)
    print(f"{len(made)} made, {index()} indexed")


if __name__ == "__main__":
    main(sys.argv[1:])
