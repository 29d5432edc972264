"""Pages outside any company: log in and out, reset, invitation, choice of company, account."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, current_app, g, request, url_for
from flask_login import current_user

from app.core import auth, links, tokens
from app.core.access import public, signed_in
from app.core.errors import BusinessError, NotFound, TooMany
from app.core.i18n import _, language
from app.core.ids import whole
from app.core.limits import limiter
from app.core.shell import companies_of
from app.core.web import redirect_to, render, toast
from app.modules.admin import queries, services
from app.modules.admin.forms import LogInForm, NewPasswordForm, PasswordForm, ProfileForm, ResetRequestForm
from app.modules.admin.token_form import TokenForm

blueprint = Blueprint("site", __name__)
LAST_COMPANY = "vendimia_company"
YEAR = 365 * 24 * 3600
# Marks in the order in which they decide: every browser claims to be several others.
BROWSERS = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


@blueprint.get("/")
@public
def home() -> Any:
    """Whoever is logged in goes on to their company, everybody else to the log-in page."""
    if not current_user.is_authenticated:
        return redirect_to(url_for("site.login"))
    return redirect_to(_first_page())


@blueprint.get("/login")
@public
def login() -> Any:
    if current_user.is_authenticated:
        return redirect_to(_next() or _first_page())
    return _login_page(LogInForm())


@blueprint.post("/login")
@public
@limiter.limit("30/minute")
def login_save() -> Any:
    form = LogInForm(request.form)
    if not form.validate():
        return _login_page(form, status=422)
    try:
        auth.log_in(form.email.data, form.password.data, form.remember.data)
    except TooMany as error:
        page = _login_page(form, error=error.message, status=429)
        page.headers["Retry-After"] = str(error.retry_after)
        return page
    except BusinessError as error:
        return _login_page(form, error=error.message, status=422)
    return redirect_to(_next() or url_for("site.home"))


def _login_page(form: LogInForm, error: str | None = None, status: int = 200) -> Any:
    action = url_for("site.login", next=_next(), lang=request.args.get("lang"))
    return render("site/login.html", form=form, error=error, action=action, status=status)


@blueprint.post("/logout")
@signed_in
def logout() -> Any:
    auth.log_out()
    return redirect_to(url_for("site.login"))


@blueprint.get("/reset")
@public
def reset_request() -> Any:
    return render("site/reset_request.html", form=ResetRequestForm(), sent=False)


@blueprint.post("/reset")
@public
@limiter.limit("10/minute;60/hour")
def reset_request_save() -> Any:
    form = ResetRequestForm(request.form)
    if not form.validate():
        return render("site/reset_request.html", form=form, sent=False, status=422)
    links.ask_for_reset(form.email.data, language())
    return render("site/reset_request.html", form=form, sent=True)


@blueprint.get("/reset/<token>")
@public
def reset(token: str) -> Any:
    return _password_page("reset", token, NewPasswordForm())


@blueprint.post("/reset/<token>")
@public
@limiter.limit("20/minute")
def reset_save(token: str) -> Any:
    return _use_link("reset", token)


@blueprint.get("/invite/<token>")
@public
def invite(token: str) -> Any:
    return _password_page("invite", token, NewPasswordForm())


@blueprint.post("/invite/<token>")
@public
@limiter.limit("20/minute")
def invite_save(token: str) -> Any:
    return _use_link("invite", token)


PAGES = {"reset": "site/reset_password.html", "invite": "site/set_password.html"}


def _password_page(purpose: str, token: str, form: NewPasswordForm, status: int = 200) -> Any:
    user = links.user_of(purpose, token)
    return render(PAGES[purpose], form=form, name=user.name, email=user.email, status=status)


def _use_link(purpose: str, token: str) -> Any:
    form = NewPasswordForm(request.form)
    try:
        if form.validate():
            links.use_link(purpose, token, form.password.data)
            toast(_("Your password is set. You can log in with it now."))
            return redirect_to(url_for("site.login"))
    except BusinessError as error:
        form.refuse(error.field, error.message)
    return _password_page(purpose, token, form, status=422)


@blueprint.get("/companies")
@signed_in
def companies() -> Any:
    return render("site/companies.html", companies=queries.places_of(current_user.id))


@blueprint.get("/account")
@signed_in
def account() -> Any:
    return _account_page()


@blueprint.post("/account")
@signed_in
def account_save() -> Any:
    form = ProfileForm(request.form)
    if not form.validate():
        return _account_page(profile_form=form, status=422)
    services.change_profile(current_user.id, form.name.data, form.language.data, form.theme.data)
    toast(_("Saved."))
    return redirect_to(url_for("site.account"))


@blueprint.post("/account/preferences")
@signed_in
def preferences_save() -> Any:
    """Language and appearance from the menu of the person; back to the page they were chosen on."""
    services.change_preferences(current_user.id, request.form.get("language"), request.form.get("theme"))
    return redirect_to(auth.local_path(request.form.get("next")) or url_for("site.account"))


@blueprint.post("/account/password")
@signed_in
@limiter.limit("20/minute")
def password_save() -> Any:
    form = PasswordForm(request.form)
    try:
        if form.validate():
            auth.change_password(form.current.data, form.password.data)
            toast(_("Your password is changed. Your other devices have been logged out."))
            return redirect_to(url_for("site.account"))
    except BusinessError as error:
        form.refuse(error.field, error.message)
    return _account_page(password_form=form, status=422)


@blueprint.post("/account/sessions/<int:session_id>/end")
@signed_in
def session_end(session_id: int) -> Any:
    if not auth.revoke(current_user.id, session_id):
        raise NotFound(_("This session has already ended."))
    toast(_("That device is logged out."))
    return redirect_to(url_for("site.account"))


@blueprint.post("/account/sessions/end")
@signed_in
def sessions_end() -> Any:
    auth.log_out_everywhere(current_user.id)
    auth.log_out()
    return redirect_to(url_for("site.login"))


@blueprint.post("/account/sessions/others/end")
@signed_in
def other_sessions_end() -> Any:
    auth.log_out_everywhere(current_user.id, but=current_user.session_id)
    toast(_("Your other devices are logged out."))
    return redirect_to(url_for("site.account"))


@blueprint.post("/account/tokens")
@signed_in
@limiter.limit("30/minute")
def token_save() -> Any:
    """Make a token and show it, this once: no page can show it again."""
    form = _token_form(request.form)
    try:
        if form.validate():
            chosen = {"read_only": form.read_only.data, "days": form.lifetime}
            key = tokens.issue(current_user.id, form.company.data, form.name.data, **chosen)
            return _new_token(key, form)
    except BusinessError as error:
        form.refuse(error.field, error.message)
    return _account_page(token_form=form, status=422)


@blueprint.post("/account/tokens/end")
@signed_in
def tokens_end() -> Any:
    """Revoke the token that is named, or all."""
    if named := request.form.get("token"):
        if not tokens.revoke(current_user.id, whole(named) or 0):
            raise NotFound(_("This token has already ended."))
        toast(_("The token no longer works."))
    else:
        tokens.revoke_all(current_user.id)
        toast(_("None of your tokens works any more."))
    return redirect_to(url_for("site.account"))


def _new_token(key: str, form: TokenForm) -> Response:
    page = render("site/token.html", key=key, name=form.name.data, company=form.company.data,
                  address=f"{request.host_url}api/v1/me")
    page.headers["Cache-Control"] = "no-store"
    return page


def _token_form(posted: Any = None) -> TokenForm:
    return TokenForm(posted, companies=[(c["slug"], c["name"]) for c in companies_of(current_user.id)])


def _account_page(
    profile_form: Any = None, password_form: Any = None, token_form: TokenForm | None = None, status: int = 200
) -> Any:
    stored = {"name": current_user.name, "language": current_user.language or "", "theme": current_user.theme}
    return render(
        "site/account.html",
        profile_form=profile_form or ProfileForm(data=stored),
        password_form=password_form or PasswordForm(),
        token_form=token_form or _token_form(),
        email=current_user.email,
        sessions=auth.sessions_of(current_user.id),
        tokens=tokens.tokens_of(current_user.id),
        status=status,
    )


def _next() -> str | None:
    return auth.local_path(request.args.get("next"))


def _first_page() -> str:
    """The company a person used last, their only one, or the choice between several."""
    urls = {c["slug"]: c["url"] for c in companies_of(current_user.id)}
    if len(urls) == 1:
        return next(iter(urls.values()))
    return urls.get(request.cookies.get(LAST_COMPANY, "")) or url_for("site.companies")


@blueprint.after_app_request
def remember_company(response: Response) -> Response:
    """Keep in a cookie which company was used last: a GET writes nothing on the server."""
    if "me" in g and "token" not in g and request.cookies.get(LAST_COMPANY) != g.company.slug:
        secure = current_app.config["SESSION_COOKIE_SECURE"]
        response.set_cookie(
            LAST_COMPANY, g.company.slug, max_age=YEAR, secure=secure, httponly=True, samesite="Lax"
        )
    return response


@blueprint.app_template_filter("device")
def device(agent: str) -> str:
    """A browser's long name for itself as "Firefox · Windows"; the text as it is where nothing is known."""
    browser = next((name for mark, name in BROWSERS if mark in agent), "")
    system = next((name for mark, name in SYSTEMS if mark in agent), "")
    return " · ".join(part for part in (browser, system) if part) or agent[:60]
