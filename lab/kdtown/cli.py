# SPDX-License-Identifier: Apache-2.0
"""Commands of lab/town."""
from . import ns, town


def main(argv):
    """Run one command; returns the exit code."""
    try:
        if argv[:1] == ["up"]:
            town.say(f"up in {town.up():.0f} s")
        elif argv[:1] == ["down"]:
            town.down()
        elif argv[:1] == ["sh"]:
            code, out = ns.Inside(argv[1]).sh(" ".join(argv[2:]), check=False)
            print(out, end="")
            return code
    except ns.TownError as error:
        town.say(str(error))
        return 1
    return 0
