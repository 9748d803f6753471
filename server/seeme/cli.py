"""The command line: `seeme serve`, and what surrounds it. It reads arguments and starts things."""

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.metadata import packages_distributions
from pathlib import Path

from seeme.errors import SeeMeError, SetupError
from seeme.mistakes import printable
from seeme.settings import Settings, from_environment
from seeme.version import __version__

Run = Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return 0, or 1 after one clear line on standard error."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except SeeMeError as error:
        print(f"seeme: {printable(str(error))}", file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        extra = "postgres" if error.name == "asyncpg" else "server"
        print(
            f"seeme: this command needs more packages ({error.name} is missing): pip install 'seeme-feedback[{extra}]'",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `seeme export ... | head`
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:  # a folder that can't be written, a full disk
        print(f"seeme: {printable(str(error))}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="seeme", description="The feedback loop for machine-learning models.")
    parser.add_argument("--version", action="version", version=f"seeme {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_serving(commands)
    _add_keys_and_models(commands)
    _add_datasets(commands)
    _add_ab_tests(commands)
    _add_data(commands)
    return parser


_MIGRATE = "Copy everything from SQLite to PostgreSQL."
Commands = "argparse._SubParsersAction[argparse.ArgumentParser]"


def _add(commands: Commands, name: str, run: Run, help: str) -> argparse.ArgumentParser:  # type: ignore[valid-type]
    command: argparse.ArgumentParser = commands.add_parser(name, help=help, description=help)  # type: ignore[attr-defined]
    command.set_defaults(run=run)
    command.add_argument("--data", type=Path, help="the data folder (SEEME_DATA; default seeme-data)")
    if run in (_serve, _export, _check, _backup):  # they read the database themselves
        command.add_argument("--database", help="postgresql://... (SEEME_DATABASE; default SQLite in the data folder)")
    return command


def _add_serving(commands: Commands) -> None:  # type: ignore[valid-type]
    for name, run, help in (
        ("serve", _serve, "Run the service."),
        ("demo", _demo, "Run the service with examples: digits with a month of history, a detector, an A/B test."),
    ):
        command = _add(commands, name, run, help)
        command.add_argument("--host", help="address to listen on (SEEME_HOST; default 127.0.0.1)")
        command.add_argument("--port", type=int, help="port to listen on (SEEME_PORT; default 8765)")
        if name == "demo":
            command.add_argument("--demo-port", type=int, default=8766, help="port of the examples (default 8766)")
    link = _add(commands, "sign-in", _sign_in, "Make a one-time link that signs you in to the pages.")
    link.add_argument("--as", dest="holder", metavar="NAME", help="whose link it is (default: you, by your user name)")


def _add_keys_and_models(commands: Commands) -> None:  # type: ignore[valid-type]
    key = commands.add_parser("key", help="Make, list and revoke API keys.").add_subparsers(  # type: ignore[attr-defined]
        required=True, metavar="ACTION"
    )
    create = _add(key, "create", _create_key, "Make a key; its text is shown this once.")
    create.add_argument("--holder", required=True, help="who uses it: the name that decisions are signed with")
    create.add_argument("--scope", action="append", default=[], choices=["ingest", "read", "review", "admin"])
    create.add_argument("--publishable", action="store_true", help="for pages: it can only send feedback")
    create.add_argument("--model", action="append", default=[], help="a model that it is for (default: all)")
    create.add_argument("--origin", action="append", default=[], help="a page's origin, https://shop.example.com")
    _add(key, "list", _list_keys, "List keys without their texts.")
    _add(key, "revoke", _revoke_key, "Revoke a key at once and for ever.").add_argument("id")
    model = commands.add_parser("model", help="Make and list models.").add_subparsers(  # type: ignore[attr-defined]
        required=True, metavar="ACTION"
    )
    _add(model, "list", _list_models, "List models.")
    make = _add(model, "create", _create_model, "Make a model.")
    make.add_argument("name")
    make.add_argument("--id", help="an id of your own")
    make.add_argument("--task", default="classification", choices=["classification", "detection", "regression"])
    make.add_argument("--label", action="append", default=[], help="a label, once per label")


def _add_ab_tests(commands: Commands) -> None:  # type: ignore[valid-type]
    ab = commands.add_parser("ab", help="Plan, start and end A/B tests, and see what they say.").add_subparsers(  # type: ignore[attr-defined]
        required=True, metavar="ACTION"
    )
    _add(ab, "list", _list_ab_tests, "List A/B tests.")
    _add(ab, "results", _ab_results, "Show what an A/B test says so far.").add_argument("id")
    _add(ab, "start", _start_ab_test, "Start an A/B test that is a draft.").add_argument("id")
    _add(ab, "stop", _stop_ab_test, "End an A/B test; its results stay.").add_argument("id")
    decide = _add(ab, "decide", _decide_ab_test, "Store which arm of an A/B test was chosen, which ends it.")
    decide.add_argument("id")
    decide.add_argument("--arm", required=True, help="the arm's name")
    decide.add_argument("--note", help="why")
    plan = _add(ab, "plan", _plan_ab_test, "Say how many units and days a test needs, or what it can show.")
    plan.add_argument("--metric", default="feedback_score", help="default: feedback_score")
    for name, help in (
        ("effect", "the difference B - A to find; for latency relative (0.05 is 5 %% slower)"),
        ("value", "A's value now, for rates"),
        ("sd", "the standard deviation of one unit's value, where it is no rate"),
        ("units-per-day", "new units (users) a day"),
        ("duration-days", "instead of --effect: how long the test may take"),
        ("traffic-split", "B's share of the units (default 0.5)"),
        ("alpha", "how often a difference that isn't there may be seen (default 0.05)"),
        ("power", "how often the effect is to be found (default 0.8)"),
    ):
        plan.add_argument(f"--{name}", type=float, help=help)
    plan.add_argument("--comparisons", type=int, help="metrics times challengers, which share alpha (default 1)")


def _add_datasets(commands: Commands) -> None:  # type: ignore[valid-type]
    about = "Make, fill, freeze and export datasets."
    dataset = commands.add_parser("dataset", help=about).add_subparsers(  # type: ignore[attr-defined]
        required=True, metavar="ACTION"
    )
    _add(dataset, "list", _list_datasets, "List datasets.")
    make = _add(dataset, "create", _create_dataset, "Make a dataset.")
    make.add_argument("name")
    make.add_argument("--id", help="an id of your own")
    make.add_argument("--task", choices=["classification", "detection", "regression"], help="default: its first item's")
    load = _add(dataset, "import", _import_dataset, "Put labelled items into a dataset, all of them checked before.")
    load.add_argument("file", type=Path, help="a file, or for yolo a folder or zip with its data.yaml")
    load.add_argument("--format", required=True, choices=["jsonl", "coco", "yolo"])
    freeze = _add(dataset, "version", _create_dataset_version, "Freeze a dataset as its next version.")
    freeze.add_argument("name")
    freeze.add_argument("--parent", help="the version that it is compared with (default: the latest)")
    save = _add(dataset, "export", _export_dataset, "Write a version of a dataset to a file.")
    save.add_argument("--version", required=True, help="the version's id")
    save.add_argument("--format", default="jsonl", choices=["jsonl", "csv", "coco", "yolo"])
    save.add_argument("--output", type=Path, required=True, help="a file that doesn't exist yet")
    save.add_argument("--shard", type=int, help="for yolo: which of --shards archives")
    save.add_argument("--shards", type=int, help="for yolo: how many archives the items are shared out to")
    for command in (load, freeze, save):
        command.add_argument("--dataset", required=True, help="the dataset's id")


def _add_data(commands: Commands) -> None:  # type: ignore[valid-type]
    kinds = ["predictions", "labels", "feedback"]
    load = _add(commands, "import", _import, "Import history from JSONL or CSV through the running service.")
    load.add_argument("file", type=Path)
    load.add_argument("--kind", default="predictions", choices=kinds)
    load.add_argument("--model", help="the model of rows that don't name one")
    load.add_argument("--format", choices=["jsonl", "csv"], help="default: by the file's name")
    export = _add(commands, "export", _export, "Export a model's rows as JSONL or CSV.")
    export.add_argument("--model", required=True)
    export.add_argument("--kind", default="predictions", choices=kinds)
    export.add_argument("--format", default="jsonl", choices=["jsonl", "csv"])
    export.add_argument("--output", type=Path, help="a file that doesn't exist yet (default: standard output)")
    _add(commands, "check", _check, "Check the database, the sums against the rows, and the inputs.")
    rebuild = _add(commands, "rebuild", _rebuild, "Make a model's sums again from its rows, in the running service.")
    rebuild.add_argument("--model", required=True)
    move = commands.add_parser("migrate", help=_MIGRATE, description=_MIGRATE)  # type: ignore[attr-defined]
    move.set_defaults(run=_migrate)
    move.add_argument("--from", dest="data", type=Path, required=True, help="the data folder, no service running on it")
    move.add_argument("--to", required=True, help="an empty database, postgresql://...")
    _add(commands, "backup", _backup, "Copy the data folder while the service runs.").add_argument("target", type=Path)


def _settings(options: argparse.Namespace) -> Settings:
    """Return the settings of the environment with the command's options over them."""
    environment = dict(os.environ)
    for name in ("host", "port", "data", "database"):
        if getattr(options, name, None) is not None:
            environment[f"SEEME_{name.upper()}"] = str(getattr(options, name))
    return from_environment(environment)


def _serve(options: argparse.Namespace) -> int:
    from seeme.commands.serving import serve

    serve(_settings(options))
    return 0


def _demo(options: argparse.Namespace) -> int:
    from seeme.commands.serving import demo

    demo(_settings(options), options.demo_port)
    return 0


def _sign_in(options: argparse.Namespace) -> int:
    from seeme.commands import local

    print(_client(options).create_sign_in_code(options.holder or local.user()).url)
    return 0


def _client(options: argparse.Namespace):  # type: ignore[no-untyped-def]
    from seeme.commands import local

    return local.client(_settings(options).data)


def _create_key(options: argparse.Namespace) -> int:
    kind = "publishable" if options.publishable else "secret"
    key = _client(options).create_key(
        kind, options.holder, scopes=options.scope, models=options.model, origins=options.origin
    )
    print(key.key)
    return 0


def _list_keys(options: argparse.Namespace) -> int:
    for key in _client(options).list_keys():
        state = f"revoked {key.revoked_at:%Y-%m-%d %H:%M}" if key.revoked_at else ",".join(key.scopes)
        print(f"{key.id}  {key.kind:11}  {key.holder:20}  {state}  {' '.join(key.models) or 'all models'}")
    return 0


def _revoke_key(options: argparse.Namespace) -> int:
    _client(options).revoke_key(options.id)
    return 0


def _list_models(options: argparse.Namespace) -> int:
    for model in _client(options).list_models():
        print(f"{model.id}  {model.task:14}  {model.name}")
    return 0


def _create_model(options: argparse.Namespace) -> int:
    print(_client(options).create_model(options.name, options.task, options.label, options.id).id)
    return 0


def _list_datasets(options: argparse.Namespace) -> int:
    from seeme.commands.datasets import line

    for dataset in _client(options).get_datasets():
        print(line(dataset))
    return 0


def _create_dataset(options: argparse.Namespace) -> int:
    print(_client(options).create_dataset(options.name, options.task, options.id).id)
    return 0


def _import_dataset(options: argparse.Namespace) -> int:
    from seeme.commands.datasets import load

    load(_client(options), options.file, options.format, options.dataset)
    return 0


def _create_dataset_version(options: argparse.Namespace) -> int:
    print(_client(options).create_dataset_version(options.dataset, options.name, options.parent).id)
    return 0


def _export_dataset(options: argparse.Namespace) -> int:
    from seeme.commands.datasets import save

    client = _client(options)
    save(client, options.dataset, options.version, options.format, options.output, options.shard, options.shards)
    return 0


def _list_ab_tests(options: argparse.Namespace) -> int:
    for test in _client(options).list_ab_tests():
        print(f"{test.id}  {test.status:8}  {test.name}")
    return 0


def _start_ab_test(options: argparse.Namespace) -> int:
    print(_client(options).start_ab_test(options.id).status)
    return 0


def _stop_ab_test(options: argparse.Namespace) -> int:
    print(_client(options).stop_ab_test(options.id).status)
    return 0


def _decide_ab_test(options: argparse.Namespace) -> int:
    print(_client(options).decide_ab_test(options.id, options.arm, options.note).status)
    return 0


def _ab_results(options: argparse.Namespace) -> int:
    from seeme.commands.ab_tests import told

    print("\n".join(told(_client(options).get_ab_test_results(options.id))))
    return 0


def _plan_ab_test(options: argparse.Namespace) -> int:
    from seeme.commands.ab_tests import planned

    names = ["metric", "effect", "value", "sd", "units_per_day", "duration_days", "traffic_split"]
    names += ["alpha", "power", "comparisons"]
    print("\n".join(planned(_client(options).plan_ab_test(**{name: getattr(options, name) for name in names}))))
    return 0


def _import(options: argparse.Namespace) -> int:
    from seeme.commands.history import load

    failed = load(_client(options), options.file, options.kind, options.model, format=options.format)
    return 1 if failed else 0


def _export(options: argparse.Namespace) -> int:
    from seeme.commands.exporting import export

    settings = _settings(options)
    if options.output is None:
        asyncio.run(export(settings, options.model, options.kind, options.format, sys.stdout))
        return 0
    try:
        target = options.output.open("x", encoding="utf-8", newline="")
    except FileExistsError:
        raise SetupError(f"{options.output} exists; name a file that doesn't") from None
    try:
        with target:
            asyncio.run(export(settings, options.model, options.kind, options.format, target))
    except BaseException:
        options.output.unlink()  # half an export would be taken for a whole one
        raise
    return 0


def _check(options: argparse.Namespace) -> int:
    from seeme.service.care import check

    for other in sorted(set(packages_distributions().get("seeme", ())) - {"seeme-feedback"}):
        print(f"warning: {other} is installed too and also calls itself `seeme`; keep the two in separate environments")

    async def report() -> int:
        faults = 0
        async for what, found in check(_settings(options)):
            print(f"{what}: {'ok' if not found else f'{len(found)} faults'}")
            for fault in found[:20]:
                print(f"  {fault}")
            faults += len(found)
        return faults

    return 1 if asyncio.run(report()) else 0


def _rebuild(options: argparse.Namespace) -> int:
    client = _client(options)
    rebuilt = client.rebuild_sums(options.model)
    print(f"{len(rebuilt.days)} days counted again, {len(rebuilt.changed)} were wrong and are mended")
    for day, why in rebuilt.refused.items():
        print(f"  {day}: {why}")
    for test in client.list_ab_tests():
        if options.model in [arm.model_id for arm in test.arms]:
            changed = client.rebuild_ab_test(test.id).changed
            print(f"the A/B test {test.id} was {'wrong and is mended' if changed else 'counted right'}")
    return 0


def _migrate(options: argparse.Namespace) -> int:
    from seeme.commands.moving import move

    move(_settings(options), options.to)
    return 0


def _backup(options: argparse.Namespace) -> int:
    from seeme.service.care import backup

    inputs = asyncio.run(backup(_settings(options), options.target))
    print(f"{options.target}: the database and {inputs} inputs. Use it with `seeme serve --data {options.target}`.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
