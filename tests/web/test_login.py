"""Pages that ask their visitors to log in."""

LOGIN = """
from flask import Blueprint, redirect, request, session, url_for
from flask_login import UserMixin, login_user, logout_user

class Someone(UserMixin):
    def __init__(self, username):
        self.username = username

    def get_id(self):
        return self.username

@events.init.add_listener
def ask(environment, **kwargs):
    web_ui = environment.web_ui
    web_ui.login_manager.user_loader(lambda name: Someone(name))
    web_ui.app.config["SECRET_KEY"] = "for this test"
    web_ui.auth_args = {
        "title": "Who are you?",
        "username_password_callback": "/login_submit",
        "auth_providers": [{"label": "Elsewhere", "callback_url": "/elsewhere", "icon_url": "/icon.png"}],
    }
    auth = Blueprint("auth", "auth")

    @auth.route("/login_submit", methods=["POST"])
    def login_submit():
        if request.form.get("password") == "right":
            login_user(Someone(request.form["username"]))
            return redirect(url_for("locust.index"))
        session["auth_error"] = "Invalid <name> or password"
        return redirect(url_for("locust.login"))

    @auth.route("/logout")
    def logout():
        logout_user()
        return "gone"

    @auth.route("/open")
    def open_to_all():
        return "open"

    @auth.route("/closed")
    @web_ui.auth_required_if_enabled
    def closed():
        return "closed"

    web_ui.app.register_blueprint(auth)
"""

CUSTOM = """
@events.init.add_listener
def ask_otherwise(environment, **kwargs):
    environment.web_ui.auth_args = {
        "custom_form": {
            "inputs": [
                {"label": "Name", "name": "name", "is_required": True},
                {"label": "Code", "name": "code", "is_secret": True},
                {"label": "Team", "name": "team", "choices": ["Red", "Blue"], "default_value": "Blue"},
                {"label": "Stay", "name": "stay", "default_value": True},
            ],
            "callback_url": "/custom",
            "submit_button_text": "Let me in",
        },
        "info": "Ask your admin",
    }
"""

PROTECTED = ("/", "/stats/requests", "/stats/report", "/tasks", "/exceptions", "/logs", "/closed", "/worker-count")


def test_only_those_who_have_logged_in_see_and_do_anything(serve):
    site = serve("--web-login", script=LOGIN)
    for path in PROTECTED:
        answer = site.get(path, allow_redirects=False)
        assert (answer.status_code, answer.headers["Location"].split("?")[0]) == (302, "/login"), path
    for path in ("/swarm", "/stop", "/stats/reset", "/user"):
        assert site.post(path, allow_redirects=False).status_code == 302, path
    for path in ("run", "snapshot", "stream"):
        assert site.get(f"/api/v1/{path}").status_code == 401, path
    for path in ("start", "stop"):
        assert site.post(f"/api/v1/{path}", json={"users": 1, "spawn_rate": 1}).status_code == 401, path
    assert site.get("/open").text == "open"

    refused = site.post("/login_submit", {"username": "ann", "password": "wrong"})
    assert refused.url == f"{site.url}/login"
    assert "Invalid &lt;name&gt; or password" in refused.text
    assert 'action="/login_submit"' in refused.text
    assert "<title>Who are you?</title>" in refused.text
    assert 'href="/elsewhere"' in refused.text
    assert "window.authArgs" in refused.text
    assert site.get("/api/v1/run").status_code == 401

    assert site.post("/login_submit", {"username": "ann", "password": "right"}).url == f"{site.url}/"
    for path in PROTECTED:
        assert site.get(path, allow_redirects=False).status_code == 200, path
    assert site.get("/").headers["Content-Security-Policy"]
    assert site.get("/api/v1/run").json()["locustfile"] == "locustfile.py"
    assert site.post("/swarm", {"user_count": 1, "spawn_rate": 1}).json()["success"] is True
    assert site.post("/api/v1/stop", json={}).json()["ok"] is True

    assert site.get("/logout").text == "gone"
    assert site.get("/api/v1/run").status_code == 401
    assert site.get("/", allow_redirects=False).status_code == 302
    site.end()


def test_a_form_of_the_scripts_own(serve):
    site = serve("--web-login", script=LOGIN + CUSTOM)
    page = site.get("/login").text
    assert 'action="/custom"' in page
    assert '<input name="name" type="text" value="" required>' in page
    assert '<input name="code" type="password" value="">' in page
    assert "<option selected>Blue</option>" in page
    assert '<input type="checkbox" name="stay" checked>' in page
    assert "<button>Let me in</button>" in page
    site.end()


def test_a_login_that_the_script_has_not_set_up_says_so(serve):
    site = serve("--web-login")
    answer = site.get("/")
    assert answer.status_code == 200
    assert answer.text.startswith("Locust auth exception: ")
    assert site.get("/api/v1/run").status_code == 401
    log = site.end()
    assert "Traceback" not in log


def test_without_a_login_the_page_to_log_in_leads_to_the_page(serve):
    site = serve()
    answer = site.get("/login", allow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    site.end()
