using Matrix.Core.Policy;
using Matrix.Host.Api.AdminPages.Frame;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Pages;
using Matrix.Host.Rooms.Administration;
using Matrix.Host.Rooms.Policies;

namespace Matrix.Host.Api.AdminPages.Policies;

/// <summary>The policy lists that the server follows, and their rules. The configuration names the lists.</summary>
internal sealed class PolicyPage(AdminFrame frame, PolicyLists policies, RoomLists rooms) : IEndpoints
{
    private static readonly Column[] _columns =
        [new("Entity"), new("Kind"), new("Reason"), new("List") { IsOptional = true }];

    public void Map(ClientRoutes routes) => frame.Page(routes, Sections.Policies, ShowAsync);

    private async ValueTask<AdminView> ShowAsync(AdminVisit visit, CancellationToken stop)
    {
        var list = new ListState(Sections.Policies, visit, "", "q", "kind");
        var followed = await policies.ListsAsync(stop);
        var names = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var each in followed)
        {
            names[each.RoomId] = await rooms.NameAsync(each.RoomId, stop) ?? each.RoomId;
        }

        PolicyKind? kind = list["kind"] switch
        {
            "users" => PolicyKind.User,
            "rooms" => PolicyKind.Room,
            "servers" => PolicyKind.Server,
            _ => null,
        };
        var rules = followed.SelectMany(static each => each.Rules.Select(rule => (Rule: rule, each.RoomId)))
            .Where(each => (kind is null || each.Rule.Kind == kind)
                && (list["q"] is not { } part
                    || each.Rule.Entity.Contains(part, StringComparison.OrdinalIgnoreCase)
                    || each.Rule.Reason.Contains(part, StringComparison.OrdinalIgnoreCase)))
            .OrderBy(static each => each.Rule.Entity, StringComparer.Ordinal)
            .ToArray();
        list.Total = rules.Length;
        var page = rules.Skip((int)list.From).Take(ListState.PageSize)
            .Select(each => RowOf(each.Rule, names[each.RoomId]));
        return new AdminView(Sections.Policies, "Policy lists", Html.Of($"""
            <p class="note">The setting <code>policy_lists.rooms</code> names the lists that this server follows.</p>
            <div class="panel">{ListsOf(followed, names)}</div>
            <h2>Rules</h2>
            {list.FormOf(Html.Of($"""
                {list.TextField("q", "Entity or reason")}
                {list.Choice(
                    "kind", "Kind", ("", "all"), ("users", "users"), ("rooms", "rooms"), ("servers", "servers"))}
                """))}
            {DataTable.Of("What the lists refuse", _columns, [.. page], "No rule.", list)}
            """));
    }

    private static Html ListsOf(IReadOnlyList<FollowedList> followed, Dictionary<string, string> names) =>
        followed.Count == 0
            ? Html.Of($"""<p class="empty">This server follows no list.</p>""")
            : Html.Join(followed.Select(each => Html.Of($"""
                <div class="row"><a href="{RoomLink.To(each.RoomId)}">{names[each.RoomId]}</a>
                {(each.IsJoined ? Format.Badge("good", "joined") : Format.Badge("warn", "not joined yet"))}
                <span class="soft">{Format.Count(each.Rules.Count)} rules</span></div>
                """)));

    private static Html[] RowOf(PolicyRule rule, string listName) =>
    [
        Html.Of($"{rule.Entity}"),
        Html.Of($"{WordFor(rule.Kind)}"),
        Format.TextOr(rule.Reason),
        Html.Of($"{listName}"),
    ];

    private static string WordFor(PolicyKind kind) => kind switch
    {
        PolicyKind.User => "user",
        PolicyKind.Room => "room",
        _ => "server",
    };
}
