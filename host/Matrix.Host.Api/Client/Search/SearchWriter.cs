using System.Globalization;
using System.Text;
using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Core.Sync;
using Matrix.Host.Api.Http;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Rooms.Searching;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Api.Client.Search;

/// <summary>Writes the response to a search.</summary>
internal sealed class SearchWriter(
    EventPages pages,
    EventStore events,
    SearchTokens tokens,
    SearchOptions options,
    ReadingOptions reading,
    TimeProvider time)
{
    /// <summary>Writes the response, in steps.</summary>
    /// <param name="response">The response.</param>
    /// <param name="asked">What it was asked for.</param>
    /// <param name="page">The hits.</param>
    /// <param name="group">The group that the hits are of; null for all.</param>
    /// <param name="reader">The user and device.</param>
    internal async ValueTask WriteAsync(
        ResponseWriter response,
        SearchBody asked,
        SearchPage page,
        SearchGroup? group,
        UserDevice reader,
        CancellationToken stop)
    {
        var output = response.Buffer;
        output.Raw("{\"search_categories\":{\"room_events\":{\"count\":"u8);
        Write(output, page.Count);
        if (asked.Groupings.Count > 0)
        {
            output.Raw(",\"groups\":"u8);
            WriteGroups(output, asked, page, group);
        }

        output.Raw(",\"highlights\":["u8);
        WriteJoined(output, page.Highlights);
        output.Byte((byte)']');
        if (page.Next is { } next)
        {
            output.Raw(",\"next_batch\":"u8);
            CanonicalJson.WriteString(output, tokens.Write(next));
        }

        output.Raw(",\"results\":["u8);
        var shown = new HashSet<string>(StringComparer.Ordinal);
        var scan = new ScanBudget(time, reading.LongestScan);
        for (var i = 0; i < page.Hits.Count; i++)
        {
            if (i > 0) output.Byte((byte)',');
            await WriteHitAsync(response, asked, page.Hits[i], reader, shown, scan, stop);
            await response.StepAsync(stop);
        }

        output.Byte((byte)']');
        if (asked.WithState)
        {
            output.Raw(",\"state\":"u8);
            await WriteStateAsync(response, asked, page, reader, shown, stop);
        }

        output.Raw("}}}"u8);
    }

    private async ValueTask WriteHitAsync(
        ResponseWriter response,
        SearchBody asked,
        SearchHit hit,
        UserDevice reader,
        HashSet<string> shown,
        ScanBudget scan,
        CancellationToken stop)
    {
        var output = response.Buffer;
        output.Byte((byte)'{');
        shown.Add(hit.Event.Row.Sender);
        if (asked.Context is { } context)
        {
            output.Raw("\"context\":"u8);
            await WriteContextAsync(response, context, hit, reader, shown, scan, stop);
            output.Byte((byte)',');
        }

        output.Raw("\"rank\":"u8);
        output.Raw(Encoding.ASCII.GetBytes(hit.Rank.ToString("R", CultureInfo.InvariantCulture)));
        output.Raw(",\"result\":"u8);
        await pages.WriteOneAsync(output, hit.Readable, hit.Event, reader, stop);
        output.Byte((byte)'}');
    }

    /// <summary>
    /// Writes the events around a hit. All hits share the time; those that it does not reach have none.
    /// </summary>
    private async ValueTask WriteContextAsync(
        ResponseWriter response,
        ContextAsked context,
        SearchHit hit,
        UserDevice reader,
        HashSet<string> shown,
        ScanBudget scan,
        CancellationToken stop)
    {
        var output = response.Buffer;
        var readable = hit.Readable;
        var before = await AroundAsync(hit, Direction.Backward, context.Before, scan, stop);
        var after = hit.Event.Nid.Value >= readable.Through.Value
            ? []
            : await AroundAsync(hit, Direction.Forward, context.After, scan, stop);
        var first = before.Count > 0 ? before[^1] : hit.Event;
        var last = after.Count > 0 ? after[^1] : hit.Event;
        output.Raw("{\"end\":"u8);
        CanonicalJson.WriteString(output, TimelineToken.JustAfter(last.Nid).ToString());
        output.Raw(",\"events_after\":"u8);
        await pages.WriteAsync(response, readable, after, reader, stop);
        output.Raw(",\"events_before\":"u8);
        await pages.WriteAsync(response, readable, before, reader, stop);
        shown.UnionWith(before.Concat(after).Select(static stored => stored.Row.Sender));
        if (context.WithProfiles)
        {
            output.Raw(",\"profile_info\":"u8);
            var senders = await pages.SendersAsync(readable, [hit.Event, .. before, .. after], stop);
            WriteProfiles(output, await events.GetManyAsync(readable.Room, senders, stop));
        }

        output.Raw(",\"start\":"u8);
        CanonicalJson.WriteString(output, TimelineToken.JustBefore(first.Nid).ToString());
        output.Byte((byte)'}');
    }

    private async ValueTask<IReadOnlyList<StoredEvent>> AroundAsync(
        SearchHit hit, Direction direction, int limit, ScanBudget scan, CancellationToken stop)
    {
        if (limit == 0 || !scan.MayGoOn()) return [];
        var page = await pages.ReadAsync(
            hit.Readable,
            hit.Event.Nid,
            direction == Direction.Forward ? hit.Readable.Through : null,
            direction,
            Math.Min(limit, options.ContextEvents),
            EventFilter.Everything,
            stop,
            fetchesHistory: false,
            scan);
        return page.Events;
    }

    /// <summary>The display names and avatars that the senders had then.</summary>
    private static void WriteProfiles(ByteBuffer output, IReadOnlyList<StoredEvent> members)
    {
        output.Byte((byte)'{');
        for (var i = 0; i < members.Count; i++)
        {
            if (i > 0) output.Byte((byte)',');
            var content = members[i].Pdu.Content;
            CanonicalJson.WriteString(output, members[i].Pdu.StateKey!);
            output.Raw(":{"u8);
            if (content.Text("avatar_url") is { } avatar)
            {
                output.Raw("\"avatar_url\":"u8);
                CanonicalJson.WriteString(output, avatar);
            }

            if (content.Text("displayname") is { } name)
            {
                output.Raw(content.Text("avatar_url") is null ? "\"displayname\":"u8 : ",\"displayname\":"u8);
                CanonicalJson.WriteString(output, name);
            }

            output.Byte((byte)'}');
        }

        output.Byte((byte)'}');
    }

    private async ValueTask WriteStateAsync(
        ResponseWriter response,
        SearchBody asked,
        SearchPage page,
        UserDevice reader,
        HashSet<string> shown,
        CancellationToken stop)
    {
        var output = response.Buffer;
        output.Byte((byte)'{');
        var isFirst = true;
        var left = options.StateEvents;
        foreach (var room in page.Hits.Select(hit => hit.Readable).DistinctBy(readable => readable.Room.Nid))
        {
            if (!isFirst) output.Byte((byte)',');
            isFirst = false;
            CanonicalJson.WriteString(output, room.Room.RoomId);
            output.Byte((byte)':');
            var isCut = left < room.State.Count;
            left -= isCut ? 0 : room.State.Count;
            var senders = asked.Filter.LazyLoadMembers || isCut ? shown : null;
            EventNid[] nids =
            [
                .. room.State.Entries()
                    .Where(entry =>
                        senders is null || entry.Type != EventTypes.Member || senders.Contains(entry.StateKey))
                    .Select(entry => EventNid.Of(room.Room.Nid, entry.Ordinal))
                    .Order(),
            ];
            await pages.WriteAsync(response, room, nids, null, reader, stop);
        }

        output.Byte((byte)'}');
    }

    /// <summary>The hits of the page by group. A group that may have more has a token of its own.</summary>
    private void WriteGroups(ByteBuffer output, SearchBody asked, SearchPage page, SearchGroup? only)
    {
        output.Byte((byte)'{');
        for (var k = 0; k < asked.Groupings.Count; k++)
        {
            if (k > 0) output.Byte((byte)',');
            var isRoom = asked.Groupings[k] == "room_id";
            CanonicalJson.WriteString(output, asked.Groupings[k]);
            output.Raw(":{"u8);
            var groups = page.Hits.GroupBy(
                hit => isRoom ? hit.Event.Room.RoomId : hit.Event.Row.Sender, StringComparer.Ordinal).ToList();
            for (var i = 0; i < groups.Count; i++)
            {
                if (i > 0) output.Byte((byte)',');
                CanonicalJson.WriteString(output, groups[i].Key);
                output.Byte((byte)':');
                var group = new SearchGroup(isRoom, groups[i].Key);

                // A page of a group may be divided by the other key. Then its parts have no tokens. Every other group
                // has one: whether it has further hits would say what hidden events have.
                var hasMore = page.Next is not null && (only is null || only == group);
                SearchHit[] hits = [.. groups[i]];
                WriteGroup(output, i, hits, hasMore ? MoreOf(group, hits[^1], only is null ? null : page) : null);
            }

            output.Byte((byte)'}');
        }

        output.Byte((byte)'}');
    }

    /// <summary>The place after a hit in a group. The pages of the group go on with its own number of hits.</summary>
    private static SearchToken MoreOf(SearchGroup group, SearchHit last, SearchPage? ofGroup) =>
        last.Place with { Group = group, Count = ofGroup?.Count };

    private void WriteGroup(ByteBuffer output, int order, IReadOnlyList<SearchHit> hits, SearchToken? more)
    {
        output.Byte((byte)'{');
        if (more is not null)
        {
            output.Raw("\"next_batch\":"u8);
            CanonicalJson.WriteString(output, tokens.Write(more));
            output.Byte((byte)',');
        }

        output.Raw("\"order\":"u8);
        Write(output, order);
        output.Raw(",\"results\":["u8);
        WriteJoined(output, [.. hits.Select(hit => hit.Event.EventId)]);
        output.Raw("]}"u8);
    }

    private static void WriteJoined(ByteBuffer output, IReadOnlyList<string> texts)
    {
        for (var i = 0; i < texts.Count; i++)
        {
            if (i > 0) output.Byte((byte)',');
            CanonicalJson.WriteString(output, texts[i]);
        }
    }

    private static void Write(ByteBuffer output, long number) =>
        output.Raw(Encoding.ASCII.GetBytes(number.ToString(CultureInfo.InvariantCulture)));
}
