"""How the extension renders the page: as the standalone server does."""

from advisor.app import serve

c = get_config()
c.VoilaConfiguration.update(serve.PAGE)
