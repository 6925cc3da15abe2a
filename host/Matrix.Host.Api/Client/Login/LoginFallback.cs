using Matrix.Host.Api.Http;

namespace Matrix.Host.Api.Client.Login;

/// <summary>
/// A login page for clients that support no login type of the server. Client-Server API, "Login Fallback".
/// </summary>
internal sealed class LoginFallback : IEndpoints
{
    private static readonly Answer _page = WebPage.Of(
        "Log in",
        """
        <p><label>User name <input name="user" required autocomplete="username"></label></p>
        <p><label>Password <input name="password" type="password" required autocomplete="current-password"></label></p>
        """,
        """
        whenSubmitted(async given => {
            const identifier = { type: "m.id.user", user: given.user };
            const body = { type: "m.login.password", identifier, password: given.password };
            for (const name of ["device_id", "initial_device_display_name"]) {
                if (query.has(name)) body[name] = query.get(name);
            }
            if (query.has("refresh_token")) body.refresh_token = query.get("refresh_token") === "true";
            const response = await send("/_matrix/client/v3/login", body);
            if (!response) return;
            done("You are logged in.");
            if (window.matrixLogin && window.matrixLogin.onLogin) window.matrixLogin.onLogin(response);
        });
        """);

    public void Map(ClientRoutes routes)
    {
        var pages = routes.At("/_matrix/static/client/");
        foreach (var path in new[] { "login/", "login" })
        {
            pages.Get(path, static (_, _) => ValueTask.FromResult(_page), new RouteOptions { Access = Access.Anyone });
        }
    }
}
