using System.Globalization;
using Matrix.Host.Api.Admin.Server;
using Matrix.Host.Api.AdminPages.Frame;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Pages;
using Matrix.Host.Outbound.Federation;

namespace Matrix.Host.Api.AdminPages.Overview;

/// <summary>The figures of the server, which the page renews.</summary>
internal sealed class OverviewPage(
    AdminFrame frame, ServerFigures figures, IClusterControl? cluster = null) : IEndpoints
{
    private const int MostFailing = 10;

    private static readonly string _version =
        typeof(OverviewPage).Assembly.GetName().Version?.ToString(fieldCount: 3) ?? "";

    public void Map(ClientRoutes routes) => frame.Page(routes, AdminFrame.FirstPage, ShowAsync);

    private async ValueTask<AdminView> ShowAsync(AdminVisit visit, CancellationToken stop)
    {
        var now = await figures.NowAsync(stop);
        return new AdminView(Sections.Overview, "Overview", Live.Part(Html.Of($"""
            {FiguresOf(now)}
            {NodesPanel.Of(cluster)}
            {ChartOf(now)}
            {FailingOf(now.Failing)}
            """))).Renewed();
    }

    private static Html FiguresOf(OverviewFigures now)
    {
        var counted = now.Counted;
        // The last second has only begun.
        var recent = now.Minute.Skip(now.Minute.Count - 11).Take(10).ToArray();
        var sends = recent.Sum(static second => second.Sends) / 10.0;
        var requests = recent.Sum(static second => second.Requests) / 10.0;
        var load = now.Load;
        return Html.Of($"""
            <dl class="figures">
            {Figure("Users", Format.Count(counted.Users), $"{Format.Count(counted.Deactivated)} deactivated")}
            {Figure("Rooms", Format.Count(counted.Rooms), "known to this server")}
            {Figure("Sent events", $"{Rate(sends)}/s", $"{Rate(requests)} requests/s")}
            {Figure("Syncing clients", Format.Count(now.Syncs), "waiting for events now")}
            {Figure("Memory", Format.Bytes(now.Memory), $"running for {Format.Duration(now.Running)}")}
            {Figure("Database", Format.Bytes(counted.DatabaseBytes), counted.Engine)}
            {Figure(
                "Queue to other servers",
                Format.Count(load.Ready + load.Sending + load.Batches),
                $"{load.Sending} sending, {load.BackingOff} backing off")}
            {Figure("Errors", Format.Count(now.Errors), "in the last hour", isBad: now.Errors > 0)}
            </dl>
            <p class="note">Matrix.Hybrid {_version}. Times on these pages are in UTC.</p>
            """);
    }

    private static Html Figure(string name, string value, string more, bool isBad = false) => Html.Of($"""
        <div class="{(isBad ? "bad" : "")}"><dt>{name}</dt><dd>{value}</dd><dd class="more">{more}</dd></div>
        """);

    private static string Rate(double perSecond) => perSecond.ToString("0.#", CultureInfo.InvariantCulture);

    /// <summary>The events that clients sent, by second, as a drawing with a sentence.</summary>
    private static Html ChartOf(OverviewFigures now)
    {
        var seconds = now.Minute.Take(now.Minute.Count - 1).Select(static second => second.Sends).ToArray();
        var most = seconds.Max();
        var points = string.Join(' ', seconds.Select((sends, i) => string.Create(
            CultureInfo.InvariantCulture, $"{i * 10},{100 - (90.0 * sends / Math.Max(1, most)):0.#}")));
        var right = (seconds.Length - 1) * 10;
        var words = $"Events sent in each second of the last minute: at most {most}, {seconds.Sum()} in all.";
        return Html.Of($"""
            <h2>Sent events, last minute</h2>
            <div class="panel padded">
            <svg class="chart" viewBox="0 0 {right} 102" preserveAspectRatio="none" role="img" aria-label="{words}">
            <path d="M0,100 L{points} L{right},100 Z"/><polyline points="{points}"/></svg>
            <p class="note">At most {most} in a second, {seconds.Sum()} in the last minute.</p>
            </div>
            """);
    }

    private static Html FailingOf(IReadOnlyList<KnownServer> failing)
    {
        if (failing.Count == 0) return Html.Empty;
        var items = failing.OrderByDescending(static server => server.Failures).Take(MostFailing)
            .Select(static server => Html.Of($"""
                <div class="row"><a href="{Link.To("server", ("name", server.ServerName))}">{server.ServerName}</a>
                <span class="soft">{server.Failure}</span></div>
                """));
        return Html.Of($"""
            <h2>Servers that do not answer</h2>
            <div class="panel">{Html.Join(items)}</div>
            """);
    }
}
