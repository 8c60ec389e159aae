"""The Jupyter server that Binder starts, with Voilà as its extension: kernels as in the app."""

from advisor.app import serve

c = get_config()
c.ServerApp.kernel_manager_class = serve.KERNEL_MANAGER
c.ServerApp.kernel_websocket_connection_class = serve.WEBSOCKET
c.ServerApp.tornado_settings = serve.TORNADO
c.MappingKernelManager.update(serve.KERNELS)
