using Matrix.Host.Api.Http;
using Matrix.Host.Users.Pushers;

namespace Matrix.Host.Api.Client.Pushers;

/// <summary>
/// The pages to which links in mail lead. Opening one changes nothing, since programs open links too: its button sends
/// a POST, as mail programs do for one click (RFC 8058).
/// </summary>
internal sealed class EmailPages(UserPushers pushers) : IEndpoints
{
    private static readonly Answer _confirm = Page("Confirm notifications by mail", "The address is confirmed.");
    private static readonly Answer _unsubscribe = Page("Stop notifications by mail", "No more mail will come.");
    private static readonly Answer _gone = Answer.NotFound("The link is not valid any more.");

    public void Map(ClientRoutes routes)
    {
        var pages = routes.At("/_matrix/static/push/");
        var open = new RouteOptions { Access = Access.Anyone };
        pages.Get("confirm", static (_, _) => ValueTask.FromResult(_confirm), open);
        pages.Get("unsubscribe", static (_, _) => ValueTask.FromResult(_unsubscribe), open);
        pages.Post(
            "confirm",
            async (call, stop) => await pushers.ConfirmAsync(TokenOf(call), stop).ConfigureAwait(false)
                ? Answer.Empty
                : _gone,
            open);
        pages.Post(
            "unsubscribe",
            async (call, stop) => await pushers.UnsubscribeAsync(TokenOf(call), stop).ConfigureAwait(false)
                ? Answer.Empty
                : _gone,
            open);
    }

    private static string TokenOf(Call call) => call.Query.Text("token") ?? "";

    private static Answer Page(string title, string done) => WebPage.Of(
        title,
        "",
        $$"""
        whenSubmitted(async () => {
            const response = await send(location.pathname + location.search, {});
            if (response) done("{{done}}");
        });
        """);
}
