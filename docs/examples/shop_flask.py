"""Returns in Flask: flask --app shop_flask run, and beside it flask --app shop_flask returns-hub work"""

from flask import Flask

from my_shop import return_changed
from returns_hub import Hub, ReturnCreated, ReturnStatusChanged
from returns_hub.contrib.flask import blueprint

hub = Hub.from_config()


@hub.on(ReturnCreated, ReturnStatusChanged, name="my-shop")
def tell_shop(event: ReturnCreated | ReturnStatusChanged) -> None:
    stored = hub.get_return(event.account, event.return_id)
    if stored:
        return_changed(stored.ret)


app = Flask(__name__)
app.register_blueprint(blueprint(hub), url_prefix="/returns")
