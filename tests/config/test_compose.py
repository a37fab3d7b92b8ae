"""docker-compose.yml, Dockerfile and .env.example against what the application runs and reads.

No container runs here: every service's command runs by hand, with the environment that the file gives it,
against a PostgreSQL and a Redis that are reached by URL over TCP.
"""

from __future__ import annotations

import ast
import fnmatch
import json
import re
import shutil
import signal
import subprocess
import sys
from contextlib import ExitStack

import pytest
import yaml

from config import parts
from config.environment import BASE_DIR
from tests.config.engines import free_port, postgresql, redis_on_tcp
from tests.config.users import bare_environment, eventually

COMPOSE = yaml.safe_load((BASE_DIR / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
APPLICATION = [*parts.COMMANDS, "migrate"]
DOCKERFILE = (BASE_DIR / "Dockerfile").read_text()
EXAMPLE = dict(
    line.split("=", 1)
    for line in (BASE_DIR / ".env.example").read_text().splitlines()
    if line and not line.startswith("#")
)
ASKED_FOR = r"\$\{(\w+)(?::([-?])([^}]*))?\}"


def filled_in(value: str, variables: dict[str, str]) -> str:
    """A value of the compose file as compose would read it."""

    def fill(match: re.Match[str]) -> str:
        name, _, default = match.groups()
        return variables.get(name) or default or ""

    return re.sub(ASKED_FOR, fill, value)


def variables_read() -> set[str]:
    """The names that stand as texts in the modules that read the environment."""
    sources = ["config/environment.py", "config/settings.py", "model/facenet_weights.py"]
    nodes = [node for source in sources for node in ast.walk(ast.parse((BASE_DIR / source).read_text()))]
    texts = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return {text for text in texts if re.fullmatch(r"[A-Z][A-Z_]{3,}", text)}


def dockerfile_variables() -> dict[str, str]:
    lines = re.findall(r"^ENV ((?:.|\\\n)*?[^\\])$", DOCKERFILE, re.MULTILINE)
    return dict(pair.split("=", 1) for line in lines for pair in line.replace("\\\n", " ").split())


def test_it_has_every_part_and_both_engines():
    assert set(SERVICES) == {*APPLICATION, "postgresql", "redis"}


@pytest.mark.parametrize("name", parts.COMMANDS)
def test_its_commands_are_the_supervisors(name):
    where = ["--bind", "0.0.0.0:8000"] if name == "web" else []
    assert SERVICES[name]["command"] == ["python", "-m", *parts.COMMANDS[name], *where]
    environment = SERVICES[name]["environment"]
    if name != "web":
        assert parts.ENVIRONMENT.items() <= environment.items()


def test_the_image_alone_runs_the_web_server():
    assert json.loads(re.search(r"^CMD (.*)$", DOCKERFILE, re.MULTILINE)[1]) == SERVICES["web"]["command"]


@pytest.mark.parametrize("name", APPLICATION)
def test_the_application_reads_what_it_is_given_and_is_given_what_it_needs(name):
    given = {**dockerfile_variables(), **SERVICES[name]["environment"]}
    given = {variable for variable in given if not variable.startswith("PYTHON")}
    assert given - set(parts.ENVIRONMENT) <= variables_read()
    needed = {"DATABASE_URL", "REDIS_URL", "SECRET_KEY", "ALLOWED_HOSTS", "SEMBLANCE_STATE_DIR", "STATIC_DIR"}
    assert needed <= given


def test_the_example_has_what_is_asked_for_and_no_more():
    asked = {name: kind for name, kind, _ in re.findall(ASKED_FOR, json.dumps(SERVICES))}
    assert set(EXAMPLE) == set(asked)
    # What has no default must be filled in, and the example fills in no secret.
    assert {name for name, kind in asked.items() if kind == "?"} == {"SECRET_KEY", "POSTGRES_PASSWORD"}
    assert EXAMPLE["SECRET_KEY"] == EXAMPLE["POSTGRES_PASSWORD"] == ""
    defaults = {name: text for name, kind, text in re.findall(ASKED_FOR, json.dumps(SERVICES)) if kind == "-"}
    assert defaults == {name: EXAMPLE[name] for name in defaults}


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_that_stays_has_a_health_check(name):
    check = SERVICES[name]["healthcheck"]
    if name == "migrate":
        assert check == {"disable": True}
    elif name in parts.COMMANDS:
        assert check["test"] == ["CMD", "python", "-m", "config.health", name]
    else:
        assert check["test"][0] == "CMD"


def test_what_starts_after_what():
    healthy, done = {"condition": "service_healthy"}, {"condition": "service_completed_successfully"}
    for name in parts.COMMANDS:
        assert SERVICES[name]["depends_on"] == {"postgresql": healthy, "redis": healthy, "migrate": done}
    assert SERVICES["migrate"]["depends_on"] == {"postgresql": healthy}
    assert SERVICES["migrate"]["restart"] == "no"


def test_data_are_in_volumes_and_faces_in_one_that_all_parts_share():
    state = f"state:{dockerfile_variables()['SEMBLANCE_STATE_DIR']}"
    assert all(state in SERVICES[name]["volumes"] for name in APPLICATION)
    named = {volume.split(":")[0] for service in SERVICES.values() for volume in service["volumes"]}
    assert named == set(COMPOSE["volumes"])


def test_the_gpu_is_for_the_worker_that_trains():
    devices = SERVICES["worker-gpu"]["deploy"]["resources"]["reservations"]["devices"]
    assert devices == [{"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}]
    assert not any("deploy" in service for name, service in SERVICES.items() if name != "worker-gpu")


def test_images_are_pinned_and_the_application_is_not_root():
    for name in ("postgresql", "redis"):
        assert re.fullmatch(r"[\w/]+:\d+\.\d+\.\d+-\w+", SERVICES[name]["image"])
    assert re.search(r"^FROM python:3\.11-slim", DOCKERFILE, re.MULTILINE)
    assert re.findall(r"^USER (\w+)$", DOCKERFILE, re.MULTILINE) == ["semblance"]
    assert "requirements-dev" not in DOCKERFILE


def test_what_is_copied_into_the_image_is_there_and_nothing_private_is():
    copied = re.findall(r"^COPY (.+) \S+$", DOCKERFILE, re.MULTILINE)
    sources = [source for line in copied for source in line.split()]
    ignored = (BASE_DIR / ".dockerignore").read_text().splitlines()
    assert ignored[1] == "*"
    let_in = [line[1:] for line in ignored if line.startswith("!")]
    for source in sources:
        assert (BASE_DIR / source).exists()
        assert any(fnmatch.fnmatch(source, pattern) for pattern in let_in), source
    assert not {"var", ".env", ".git", ".venv", "tests"} & set(let_in)
    # What the application imports is among it.
    assert {"config", "annotate", "model", "frontend", "manage.py"} <= set(sources)


def test_compose_itself_accepts_it(tmp_path):
    for command in (["docker", "compose"], ["docker-compose"]):
        found = shutil.which(command[0])
        if found and subprocess.run([*command, "version"], capture_output=True).returncode == 0:
            break
    else:
        pytest.skip("docker compose is not installed")
    secrets = {name: "a" * 40 for name, value in EXAMPLE.items() if not value}
    (tmp_path / ".env").write_text("\n".join(f"{k}={v}" for k, v in {**EXAMPLE, **secrets}.items()))
    shutil.copy(BASE_DIR / "docker-compose.yml", tmp_path)
    done = subprocess.run([*command, "config", "--quiet"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def by_hand(place):
    """Starts a service's command as compose would, beside engines of its own."""
    variables = {**EXAMPLE, "SECRET_KEY": "k" * 40, "POSTGRES_PASSWORD": "secret"}
    with ExitStack() as stack:
        database = stack.enter_context(postgresql(place, variables["POSTGRES_PASSWORD"]))
        broker = stack.enter_context(redis_on_tcp(place))
        web = free_port()
        state = {"SEMBLANCE_STATE_DIR": str(place / "state"), "STATIC_DIR": str(place / "static")}

        def start(name: str, command: list[str]) -> subprocess.Popen[str]:
            given = {key: filled_in(value, variables) for key, value in SERVICES[name]["environment"].items()}
            given["DATABASE_URL"] = given["DATABASE_URL"].replace("postgresql:5432", f"127.0.0.1:{database}")
            given["REDIS_URL"] = given["REDIS_URL"].replace("redis:6379", f"127.0.0.1:{broker}")
            command = [sys.executable, *command[1:]]
            process = subprocess.Popen(
                [word.replace("0.0.0.0:8000", f"127.0.0.1:{web}") for word in command],
                cwd=BASE_DIR, env=bare_environment(**state, **given), start_new_session=True, text=True,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )  # fmt: skip
            stack.callback(lambda: process.poll() is None and process.kill())
            return process

        start.place, start.web_port = place, web
        yield start


@pytest.mark.long
@pytest.mark.timeout(400)
def test_every_services_command_works_by_hand_and_is_found_healthy(by_hand):
    for name, command in (
        ("migrate", SERVICES["migrate"]["command"]),
        ("web", ["python", "manage.py", "collectstatic", "--noinput"]),  # the Dockerfile's
    ):
        first = by_hand(name, command)
        said, _ = first.communicate(timeout=120)
        assert first.returncode == 0, said

    running = {name: by_hand(name, SERVICES[name]["command"]) for name in parts.COMMANDS}

    def healthy(name: str) -> bool:
        assert running[name].poll() is None, running[name].communicate()[0]
        check = SERVICES[name]["healthcheck"]["test"][1:]
        port = ["--port", str(by_hand.web_port)] if name == "web" else []
        asked = by_hand(name, [*check, *port])
        asked.communicate(timeout=60)
        return asked.returncode == 0

    for name in running:
        eventually(lambda name=name: healthy(name), 120)
    # With both URLs given nothing embedded is started.
    assert not (by_hand.place / "state" / "services").exists()

    for process in running.values():
        process.send_signal(signal.SIGTERM)
    for name, process in running.items():
        said, _ = process.communicate(timeout=30)
        assert process.returncode in (0, -signal.SIGTERM, 1), (name, process.returncode, said)
    asked = by_hand("web", ["python", "-m", "config.health", "web", "--port", str(by_hand.web_port)])
    assert "does not answer" in asked.communicate(timeout=60)[0]
    assert asked.returncode == 1
