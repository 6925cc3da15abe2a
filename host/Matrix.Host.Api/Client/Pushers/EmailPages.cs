using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Api.Pages;
using Matrix.Host.Users.Pushers;

namespace Matrix.Host.Api.Client.Pushers;

/// <summary>
/// The pages to which links in mail lead. Opening one changes nothing, since programs open links too: its button sends
/// a POST, as mail programs do for one click (RFC 8058). The link's token is the proof, so that the form needs none.
/// </summary>
internal sealed class EmailPages(UserPushers pushers) : IEndpoints
{
    private static readonly Answer _gone = HtmlPage.Of(
        "This link is not valid any more", Html.Of($"<p role=\"alert\">Nothing has changed.</p>"), status: 404);

    public void Map(ClientRoutes routes)
    {
        var pages = routes.Of(RouteOwner.Nobody).At("/_matrix/static/push/");
        var open = new RouteOptions { Access = Access.Anyone };
        Add("confirm", "Confirm notifications by mail", "The address is confirmed.", pushers.ConfirmAsync);
        Add("unsubscribe", "Stop notifications by mail", "No more mail will come.", pushers.UnsubscribeAsync);

        void Add(string path, string title, string done, Func<string, CancellationToken, ValueTask<bool>> act)
        {
            var asks = HtmlPage.Of(title, Html.Of($"<form method=\"post\"><button>Continue</button></form>"));
            var isDone = HtmlPage.Of(title, Html.Of($"<p role=\"status\">{done}</p>"));
            pages.Get(path, (_, _) => ValueTask.FromResult(asks), open);
            pages.Post(
                path,
                async (call, stop) =>
                    await act(call.Query.Text("token") ?? "", stop) ? isDone : _gone,
                open);
        }
    }
}
