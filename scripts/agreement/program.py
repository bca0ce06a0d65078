"""What the program says of itself: commands, options, policies, columns, machines, exit codes.

Everything is read from `--help`, `policies`, `columns` and `machines`, so that a new command, option,
policy or table is drawn without a change here.
"""

import functools
import re
import subprocess


class Option:
    """An option of a command.

    `name` is the long name with dashes; `value` the placeholder of its value, empty for a switch;
    `choices` the values that the help lists; `heading` the section of the help it stands in.
    """

    def __init__(self, name, short, value, optional, heading):
        self.name = name
        self.short = short
        self.value = value
        self.optional = optional
        self.heading = heading
        self.choices = []
        self.text = ""


class Parameter:
    """A parameter of a policy: `low` and `high` bound its values (`high` is None without a bound)."""

    def __init__(self, name, default, whole, low, high):
        self.name = name
        self.default = default
        self.whole = whole
        self.low = low
        self.high = high

    def draw(self, rng):
        """Returns a value as text, often at the ends of the range."""
        if self.whole:
            low = int(self.low)
            high = int(self.high) if self.high is not None else low + 40
            choices = [low, high, rng.randint(low, min(high, low + 8)), rng.randint(low, min(high, low + 60))]
            return str(rng.choice(choices))
        low, high = float(self.low), float(self.high if self.high is not None else 1)
        value = rng.choice([low, high, rng.uniform(low, min(high, 1.0)), rng.uniform(low, high)])
        text = f"{value:.3f}".rstrip("0").rstrip(".") or "0"
        return text if low <= float(text) <= high else str(self.low)


class Policy:
    """A policy: name, aliases, parameters and the text that describes it."""

    def __init__(self, name, text):
        self.name = name
        self.text = text
        line = re.search(r"^also called\s+(.*)$", text, re.M)
        self.aliases = re.split(r",\s*", line[1].strip()) if line else []
        memory = re.search(r"^memory\s+(.*)$", text, re.M)
        self.fixed = bool(memory) and memory[1].startswith("frames")
        self.draws = re.search(r"^draws\s", text, re.M) is not None
        sees = re.search(r"^sees\s+(.*)$", text, re.M)
        self.sees = sees[1] if sees else ""
        self.offline = "the future" in self.sees
        choices = re.search(r"^choices\s+(.*)$", text, re.M)
        self.choices = choices[1] if choices else ""
        self.parameters = []
        pattern = r"^parameter\s+([\w-]+)=(\S+)\s+a (whole|decimal) number.*? from ([\d.]+)(?: to ([\d.]+)| on)"
        for name, default, kind, low, high in re.findall(pattern, text, re.M):
            self.parameters.append(Parameter(name, default, kind == "whole", low, high or None))

    def draw(self, rng, chance=0.4):
        """Returns the policy as text, with drawn parameters or none."""
        text = self.name
        for parameter in self.parameters:
            if rng.random() < chance:
                text += f":{parameter.name}={parameter.draw(rng)}"
        return text


class Program:
    """The program under test. `path` is its binary."""

    def __init__(self, path):
        self.path = path

    def say(self, *args):
        """Returns the standard output of a command that describes the program."""
        done = subprocess.run([self.path, *args], capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            raise SystemExit(f"agreement: {self.path} {' '.join(args)} ended with {done.returncode}: {done.stderr}")
        return done.stdout

    @functools.cached_property
    def help(self):
        return self.say("--help")

    @functools.cached_property
    def commands(self):
        """The names of all commands."""
        part = self.help.split("Commands:", 1)[1].split("\nOptions:", 1)[0]
        return re.findall(r"^  ([a-z][\w-]*)", part, re.M)

    @functools.cached_property
    def exit_codes(self):
        """The documented exit codes."""
        part = self.help.split("Exit codes:", 1)[1]
        return {int(code) for code in re.findall(r"^\s+(\d+)  ", part, re.M)}

    @functools.lru_cache(maxsize=None)
    def command_help(self, command):
        return self.say(command, "--help")

    @functools.lru_cache(maxsize=None)
    def options(self, command):
        """The options of `command`, by long name."""
        options = {}
        heading, option, listing = "", None, False
        for line in self.command_help(command).splitlines():
            if re.match(r"^[A-Z][A-Za-z ]*:$", line):
                heading, option = line[:-1], None
            found = re.match(r"^\s{2,6}(?:(-\w), |    )?(--[a-z][\w-]*)(\[?)[ =]?(?:<([^>]+)>)?", line)
            if found and line.startswith(" "):
                short, name, optional, value = found.groups()
                option = Option(name, short, value or "", optional == "[", heading)
                # A placeholder such as `keep|drop` lists the values.
                if re.fullmatch(r"[a-z-]+(\|[a-z-]+)+", option.value):
                    option.choices = option.value.split("|")
                options[name] = option
                listing = False
            elif option is not None:
                option.text += line.strip() + "\n"
                if "Possible values:" in line:
                    listing = True
                choice = re.match(r"^\s+- ([\w-]+):", line)
                if listing and choice:
                    option.choices.append(choice[1])
        return options

    def usage(self, command):
        """The usage line of `command`."""
        return re.search(r"^Usage: (.*)$", self.command_help(command), re.M)[1]

    @functools.cached_property
    def policies(self):
        """All policies by name."""
        names = re.findall(r"^  (\S+)  ", self.say("policies"), re.M)
        return {name: Policy(name, self.say("policies", name)) for name in names}

    @functools.cached_property
    def machines(self):
        """The names of all machines."""
        return re.findall(r"^(\S+)  ", self.say("machines"), re.M)

    @functools.lru_cache(maxsize=None)
    def columns(self, table=None):
        """The columns of a table (results.csv if absent): name to (type, unit, definition)."""
        text = self.say("columns", *([table] if table else []))
        columns = {}
        for line in text.splitlines():
            found = re.match(r"^(\S+)\s+(text|count|real)\s+(\S+(?: \S+)?)\s{2,}(.*)$", line)
            if found:
                columns[found[1]] = found.groups()[1:]
        return columns

    @functools.cached_property
    def curves(self):
        """The policies that `curve` draws, without parameters."""
        text = " ".join(self.options("curve")["--policy"].text.split())
        found = re.search(r"Curves: (.*?)(?:, or all|;|$)", text)
        names = re.split(r",\s*", found[1]) if found else []
        return [name for name in names if name in self.policies]
