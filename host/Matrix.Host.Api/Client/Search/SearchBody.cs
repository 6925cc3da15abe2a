using Matrix.Core.Json;
using Matrix.Core.Search;
using Matrix.Core.Sync;
using Matrix.Host.Api.Http;

namespace Matrix.Host.Api.Client.Search;

/// <summary>The events around each hit that a search asks for.</summary>
internal sealed record ContextAsked(int Before, int After, bool WithProfiles);

/// <summary>A request to search the events of rooms.</summary>
/// <param name="Groupings">The groups to return: `room_id`, `sender`.</param>
internal sealed record SearchBody(
    string Term,
    IReadOnlyList<SearchKey> Keys,
    EventFilter Filter,
    bool ByRank,
    ContextAsked? Context,
    bool WithState,
    IReadOnlyList<string> Groupings)
{
    private const int UsualContext = 5;
    private const int MostContext = 1000;

    /// <summary>Reads the category `room_events`; null if the request has none.</summary>
    internal static SearchBody? Read(BodyReader body)
    {
        if (body.RequiredInner("search_categories").Inner("room_events") is not { } criteria) return null;
        return new SearchBody(
            criteria.RequiredFreeText("search_term"),
            KeysOf(criteria),
            FilterOf(criteria),
            OrderOf(criteria),
            criteria.Inner("event_context") is { } context ? ContextOf(context) : null,
            criteria.Flag("include_state"),
            GroupingsOf(criteria));
    }

    private static List<SearchKey> KeysOf(BodyReader criteria)
    {
        var keys = new List<SearchKey>();
        foreach (var name in criteria.Texts("keys") ?? [])
        {
            switch (name)
            {
                case "content.body":
                    keys.Add(SearchKey.Body);
                    break;
                case "content.name":
                    keys.Add(SearchKey.Name);
                    break;
                case "content.topic":
                    keys.Add(SearchKey.Topic);
                    break;
                default:
                    criteria.Refuse(
                        MatrixError.InvalidParam,
                        $"`{criteria.PathOf("keys")}` may have content.body, content.name and content.topic.");
                    break;
            }
        }

        return keys;
    }

    private static EventFilter FilterOf(BodyReader criteria)
    {
        if (criteria.Content("filter") is not { } filter) return EventFilter.Everything;
        return EventFilter.Parse(filter).Match(
            static filter => filter,
            fault =>
            {
                criteria.Refuse(fault.ErrCode, fault.ToString());
                return EventFilter.Everything;
            });
    }

    private static bool OrderOf(BodyReader criteria)
    {
        var order = criteria.Text("order_by") ?? "rank";
        if (order is not ("rank" or "recent"))
        {
            criteria.Refuse(
                MatrixError.InvalidParam, $"`{criteria.PathOf("order_by")}` must be `rank` or `recent`.");
        }

        return order == "rank";
    }

    private static ContextAsked ContextOf(BodyReader context) => new(
        LimitOf(context, "before_limit"), LimitOf(context, "after_limit"), context.Flag("include_profile"));

    private static int LimitOf(BodyReader context, string name)
    {
        var limit = context.Number(name) ?? UsualContext;
        if (limit < 0) context.Refuse(MatrixError.InvalidParam, $"`{context.PathOf(name)}` must not be negative.");
        return (int)Math.Clamp(limit, 0, MostContext);
    }

    private static List<string> GroupingsOf(BodyReader criteria)
    {
        var keys = new List<string>();
        foreach (var group in criteria.Inner("groupings")?.InnerItems("group_by") ?? [])
        {
            if (group.Text("key") is not { } key) continue;
            if (key is not ("room_id" or "sender"))
            {
                group.Refuse(MatrixError.InvalidParam, $"`{group.PathOf("key")}` must be `room_id` or `sender`.");
            }
            else if (!keys.Contains(key))
            {
                keys.Add(key);
            }
        }

        return keys;
    }
}
