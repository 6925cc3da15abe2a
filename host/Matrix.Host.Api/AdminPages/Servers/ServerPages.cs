using Matrix.Host.Api.Admin.Federating;
using Matrix.Host.Api.AdminPages.Frame;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Pages;
using Matrix.Host.Outbound.Federation;

namespace Matrix.Host.Api.AdminPages.Servers;

/// <summary>Other servers: those that are owed events or do not answer, and some that were sent to lately.</summary>
internal sealed class ServerPages(
    AdminFrame frame, FederationOutbound outbound, DestinationRetries retries, TimeProvider clock) : IEndpoints
{
    private const string Page = "server";

    private static readonly Column[] _columns =
    [
        new("Server"),
        new("State"),
        new("Last success") { IsOptional = true },
        new("Next attempt") { IsOptional = true },
    ];

    public void Map(ClientRoutes routes)
    {
        frame.Page(routes, Sections.Servers, ListAsync);
        frame.Page(routes, Page, ShowAsync);
        frame.Action(routes, "server-retry", RetryAsync);
    }

    private static string LinkTo(string server) => Link.To(Page, ("name", server));

    private ValueTask<AdminView> ListAsync(AdminVisit visit, CancellationToken stop)
    {
        var list = new ListState(Sections.Servers, visit, "", "q", "kind");
        KnownServer[] found =
        [
            .. outbound.Known
                .Where(server => list["q"] is not { } part
                    || server.ServerName.Contains(part, StringComparison.OrdinalIgnoreCase))
                .Where(server => list["kind"] != "failing" || server.Failures > 0)
                .OrderByDescending(static server => server.Failures > 0)
                .ThenBy(static server => server.ServerName, StringComparer.Ordinal),
        ];
        list.Total = found.Length;
        var page = found.Skip((int)list.From).Take(ListState.PageSize).Select(RowOf);
        var load = outbound.Load;
        return ValueTask.FromResult(new AdminView(Sections.Servers, "Other servers", Html.Of($"""
            <p class="note">{load.Sending} are being sent to, {load.Ready} wait for their turn, {load.BackingOff} are
            backing off. {load.Batches} changes are not distributed yet.</p>
            {list.FormOf(Html.Of($"""
                {list.TextField("q", "Server name")}
                {list.Choice("kind", "State", ("", "all"), ("failing", "do not answer"))}
                """))}
            {DataTable.Of(
                "Servers that are owed events, do not answer, or were sent to lately", _columns, [.. page],
                "Nothing waits for any server, and nothing was sent lately.", list)}
            """)));
    }

    private static Html StateOf(KnownServer server) => server.Failures == 0
        ? Format.Badge("good", "answers")
        : Format.Badge("bad", $"failed {server.Failures} times");

    private static Html[] RowOf(KnownServer server) =>
    [
        Html.Of($"""<a href="{LinkTo(server.ServerName)}">{server.ServerName}</a>"""),
        Html.Of($"{StateOf(server)}<small>{server.Failure}</small>"),
        Format.Time(server.LastSuccess),
        server.Failures == 0 ? Html.Empty : Format.Time(server.RetryAt),
    ];

    private ValueTask<AdminView> ShowAsync(AdminVisit visit, CancellationToken stop)
    {
        var name = visit.Query("name");
        if (outbound.Known.FirstOrDefault(server => server.ServerName == name) is not { } server)
        {
            return ValueTask.FromResult(AdminView.Nothing(
                Sections.Servers, "Nothing waits for that server, and nothing was sent to it lately.") with
            {
                Above = ("Other servers", Sections.Servers),
            });
        }

        var now = clock.GetUtcNow().ToUnixTimeMilliseconds();
        var wait = TimeSpan.FromMilliseconds(Math.Max(0, server.RetryAt - now));
        var backoff = server.LastFailure is { } last
            ? Format.Duration(TimeSpan.FromMilliseconds(Math.Max(0, server.RetryAt - last)))
            : null;
        return ValueTask.FromResult(new AdminView(Sections.Servers, name, Html.Of($"""
            {Format.Fields(
                Format.Field("Last success", Format.Time(server.LastSuccess)),
                Format.Field("Failures since then", Format.Count(server.Failures)),
                Format.Field("Failing since", Format.Time(server.FailingSince)),
                Format.Field("Last failure", Format.Time(server.LastFailure)),
                Format.Field("Why", server.Failure),
                Format.Field("Backoff", backoff),
                Format.Field("Next attempt", server.Failures == 0 ? null : $"in {Format.Duration(wait)}"))}
            <div class="buttons">{(server.Failures == 0
                ? Html.Empty
                : ActionForm.Of(visit, "server-retry", "Try now", "main", ("name", name)))}</div>
            """))
        {
            Above = ("Other servers", Sections.Servers),
            Marks = StateOf(server),
        });
    }

    private async ValueTask<AdminActionResult> RetryAsync(AdminVisit visit, FormReader form, CancellationToken stop)
    {
        var name = form.Text("name") ?? "";
        var failure = await retries.RetryAsync(visit.Actor, name, stop);
        return failure switch
        {
            null => AdminActionResult.Of(LinkTo(name), "The server is not waiting for a new attempt.", ""),
            "" => AdminActionResult.Done(LinkTo(name), "The server answered."),
            _ => AdminActionResult.Of(LinkTo(name), $"The attempt failed: {failure}", ""),
        };
    }
}
