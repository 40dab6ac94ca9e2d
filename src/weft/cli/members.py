"""`weft members`: which account has which role."""

from typing import Annotated, Literal

import typer

from weft.cli.options import AsJson, Home, Key, Urls, connect, load_signer
from weft.cli.terminal import show_facts

app = typer.Typer(help="Which account has which role.", no_args_is_help=True)

Account = Annotated[
    str, typer.Argument(metavar="CURVE:KEY", help="The account's key: `signer` of `weft keys show`.")
]
Role = Literal["administrator", "writer", "reader", "auditor", "gateway"]


@app.command()
def grant(
    account: Account,
    role: Annotated[Role, typer.Argument(help="What it may do from now on.")],
    urls: Urls = None,
    home: Home = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Give an account a role, instead of the one that it has; signed by an administrator."""
    show_facts(_set(account, role, urls, home, key), as_json)


@app.command()
def revoke(
    account: Account, urls: Urls = None, home: Home = None, key: Key = None, as_json: AsJson = False
) -> None:
    """Take an account's role away; signed by an administrator, of whom one must remain."""
    show_facts(_set(account, None, urls, home, key), as_json)


def _set(account: str, role: Role | None, urls: Urls, home: Home, key: Key) -> dict[str, object]:
    from weft.cli.genesis import parse_public
    from weft.model.call import SetRole

    public = parse_public(account)
    with connect(urls, home, load_signer(key)) as client:
        outcome = client.submit("members", "set", SetRole(public, role))
    return {"account": public.address.hex(), "role": role, "transaction": outcome.place}
