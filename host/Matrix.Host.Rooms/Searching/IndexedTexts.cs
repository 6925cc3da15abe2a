using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Core.Search;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Relations;
using Matrix.Host.Storage.Tables.Search;

namespace Matrix.Host.Rooms.Searching;

/// <summary>
/// Makes the index's rows of events. An event has the text of its latest edit by its own sender; edits have no rows of
/// their own. v1.19 client-server-api#event-replacements
/// </summary>
internal sealed class IndexedTexts(
    IEventsTable eventsTable,
    RelationsTable relationsTable,
    SearchTable searchTable,
    SearchOptions options,
    TimeProvider time)
{
    /// <summary>The most edits of an event that are looked at for one with new content.</summary>
    private const int MostEdits = 50;

    /// <summary>Adds the changes that events cause: of their own rows, and of those of events they edit.</summary>
    /// <param name="batch">Takes the changes.</param>
    /// <param name="rows">The events.</param>
    /// <param name="areNew">Whether they come to the index for the first time.</param>
    public async ValueTask AddAsync(
        WriteBatch batch, IReadOnlyList<EventRow> rows, bool areNew, CancellationToken stop)
    {
        var own = new List<Parsed>();
        var edited = new HashSet<(RoomNid Room, string EventId)>();
        foreach (var row in rows)
        {
            if (Parse(row) is not { } parsed) continue;
            if (parsed.Replaced is null) own.Add(parsed);
            else edited.Add((row.Nid.Room, parsed.Replaced));
        }

        var replaced = own.Count == 0
            ? null
            : await searchTable.ReplacedAsync([.. own.Select(each => each.Row.EventId)], stop);
        foreach (var each in own)
        {
            if (replaced!.Contains(each.Row.EventId)) edited.Add((each.Row.Nid.Room, each.Row.EventId));
            else Add(batch, each.Row, each.Row, each.Text, areNew);
        }

        foreach (var room in edited.GroupBy(each => each.Room, each => each.EventId))
        {
            await AddEditedAsync(batch, room.Key, [.. room], stop);
        }
    }

    private async ValueTask AddEditedAsync(
        WriteBatch batch, RoomNid room, IReadOnlyCollection<string> eventIds, CancellationToken stop)
    {
        var originals = (await eventsTable.FindManyAsync(room, eventIds, stop))
            .Select(Parse).OfType<Parsed>().Where(each => each.Replaced is null).ToList();
        if (originals.Count == 0) return;
        var found = await relationsTable.AggregationsAsync(
            room, [.. originals.Select(each => each.Row.EventId)], "", stop);
        foreach (var original in originals)
        {
            var latest = found.TryGetValue(original.Row.EventId, out var aggregation)
                ? aggregation.ReplacementOf(original.Type)
                : EventNid.None;
            var edit = latest.IsNone ? null : await EditAsync(room, original, latest, stop);
            if (edit is null) Add(batch, original.Row, original.Row, original.Text, isNew: false);
            else Add(batch, original.Row, edit.Row, edit.Text, isNew: false);
        }
    }

    /// <summary>The latest edit with new content; null if there is none.</summary>
    private async ValueTask<Parsed?> EditAsync(
        RoomNid room, Parsed original, EventNid latest, CancellationToken stop)
    {
        if ((original.Row.Marks & EventMarks.State) != 0) return null;
        if (await eventsTable.FindAsync(latest, stop) is { } row
            && EditOf(original, row) is { } edit)
        {
            return edit;
        }

        var children = await relationsTable.ChildrenAsync(
            new RelationsQuery
            {
                Room = room,
                ParentId = original.Row.EventId,
                RelType = "m.replace",
                EventType = original.Type,
                Sender = original.Row.Sender,
                Limit = MostEdits,
            },
            stop);
        var rows = await eventsTable.FindManyAsync([.. children.Select(child => child.Event)], stop);
        return rows.OrderByDescending(each => ClientEvent.OriginServerTs(each.Json))
            .ThenByDescending(each => each.EventId, StringComparer.Ordinal)
            .Select(each => EditOf(original, each))
            .FirstOrDefault(each => each is not null);
    }

    /// <summary>The edit with its new text; null if it replaces nothing.</summary>
    private static Parsed? EditOf(Parsed original, EventRow row) =>
        Parse(row) is { } edit
        && edit.Replaced == original.Row.EventId
        && edit.Type == original.Type
        && row.Sender == original.Row.Sender
        && SearchedText.NewContent(edit.Content) is { } content
            ? edit with { Text = SearchedText.Of(edit.Type, content) }
            : null;

    private void Add(WriteBatch batch, EventRow row, EventRow source, SearchedText? text, bool isNew)
    {
        var words = text is null ? [] : SearchWords.Of(text.Text, options.WordsOfEvent);
        if (words.Length > 0)
        {
            batch.Add(new EventIndexed(
                row.Nid,
                source.Nid,
                Math.Min(ClientEvent.OriginServerTs(row.Json), time.GetUtcNow().ToUnixTimeMilliseconds()),
                (int)text!.Key,
                words.Length,
                string.Join(' ', words))
            {
                IsNew = isNew,
            });
        }
        else if (!isNew)
        {
            batch.Add(new EventUnindexed(row.Nid));
        }
    }

    /// <summary>An event that may have words; null for any other.</summary>
    private static Parsed? Parse(EventRow row)
    {
        if ((row.Marks & StoredEvent.Hidden) != 0 || !row.RedactedBy.IsNone) return null;
        if (!JsonText.TryParseStored(row.Json.Span, out var json)
            || json.Text("type") is not { } type
            || !JsonText.TryGet(json, "content", out var value)
            || value is not Json.Object { Item: var content })
        {
            return null;
        }

        var replaced = type == EventTypes.Message ? SearchedText.ReplacedBy(content) : null;
        var text = SearchedText.Of(type, content);
        return replaced is null && text is null ? null : new Parsed(row, type, content, replaced, text);
    }

    private sealed record Parsed(EventRow Row, string Type, JsonObject Content, string? Replaced, SearchedText? Text);
}
