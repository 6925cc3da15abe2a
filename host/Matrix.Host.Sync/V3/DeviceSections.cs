using System.Text.Json;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Keys;
using Matrix.Host.Storage.Tables.ToDevice;
using Matrix.Host.Streams.Notifying;
using Matrix.Host.Streams.Streams.DeviceLists;

namespace Matrix.Host.Sync.V3;

/// <summary>The parts of a response for the device: messages to it, its key counts, and changed device lists.</summary>
internal sealed class DeviceSections(
    KeysTable keysTable, ToDeviceTable toDeviceTable, IStorageWriter writer, DeviceListChanges lists)
{
    /// <summary>Deletes the messages up to the device's token: they have arrived.</summary>
    public ValueTask AcknowledgeAsync(
        UserDevice reader, DeviceStream device, SyncToken since, CancellationToken stop) =>
        AcknowledgeAsync(reader, device, since.ToDeviceUpTo, stop);

    /// <summary>Deletes the messages up to a position: the device has them.</summary>
    public async ValueTask AcknowledgeAsync(
        UserDevice reader, DeviceStream device, long through, CancellationToken stop)
    {
        if (!device.MayHaveDelivered(through)) return;

        // After a restart it is unknown what was sent before, so the database is read, once.
        var delivered = await toDeviceTable.OfDeviceAsync(reader.UserId, reader.DeviceId, 0, through, 1, stop);
        if (delivered.Count == 0)
        {
            device.Acknowledged(through);
            return;
        }

        device.ArrivedThrough = through;
        try
        {
            // Nothing waits for this deletion: messages that arrived are not sent again, whether or not they are
            // deleted yet.
            writer.Post(new WriteBatch(1)
            {
                OnCommitted = (_, _) => device.Acknowledged(through),
            }.Add(new ToDeviceDelivered(reader.UserId, reader.DeviceId, through)));
        }
        catch (StorageException)
        {
            // The next sync tries again.
        }
    }

    /// <summary>Writes `to_device`. Returns the position of the last message if more are waiting.</summary>
    public async ValueTask<long?> WriteToDeviceAsync(SyncPass pass, CancellationToken stop)
    {
        long after = pass.Since?.ToDeviceUpTo ?? pass.Device.ArrivedThrough;
        if (pass.Since is { ToDevice: null } && pass.Device.LastToDevice <= after) return null;

        int limit = pass.Options.MaxToDevice;
        var messages = await toDeviceTable.OfDeviceAsync(
            pass.Reader.UserId, pass.Reader.DeviceId, after, pass.UpTo, limit, stop);
        if (messages.Count == 0) return null;
        var isCut = messages.Count >= limit;
        (messages, isCut) = Cut(messages, pass.PageBytes, isCut);

        pass.HasNews = true;
        pass.Json.WriteStartEvents("to_device"u8);
        foreach (var message in messages) pass.Json.WriteRaw(message.Json.Span);
        pass.Json.WriteEndEvents();
        long last = messages[^1].Position;
        pass.Device.Delivered(messages[0].Position, last);
        return isCut && last < pass.UpTo ? last : null;
    }

    /// <summary>The messages that fit into a response, and whether there may be more.</summary>
    internal static (IReadOnlyList<ToDeviceRow> Messages, bool IsCut) Cut(
        IReadOnlyList<ToDeviceRow> messages, int most, bool isCut)
    {
        long bytes = 0;
        for (var i = 0; i < messages.Count; i++)
        {
            if (bytes >= most) return ([.. messages.Take(i)], true);
            bytes += messages[i].Json.Length;
        }

        return (messages, isCut);
    }

    /// <summary>Writes `device_lists`; an initial sync has none.</summary>
    public async ValueTask WriteListsAsync(SyncPass pass, CancellationToken stop)
    {
        if (pass.Since is not { } since) return;
        var anyChanged = pass.LastDeviceLists > since.Position;
        if (!anyChanged && pass.DevicesChanged.Count == 0 && pass.DevicesLeft.Count == 0) return;
        var (userId, came, gone) = (pass.Reader.UserId, pass.DevicesChanged, pass.DevicesLeft);
        var news = anyChanged
            ? await lists.NewsAsync(userId, since.Position, pass.UpTo, came, gone, stop)
            : await lists.NewsAsync(userId, pass.UpTo, came, gone, stop);
        if (news.Changed.Count == 0 && news.Left.Count == 0) return;
        pass.HasNews = true;
        pass.Json.WriteStartObject("device_lists"u8);
        pass.Json.WriteStrings("changed"u8, news.Changed);
        pass.Json.WriteStrings("left"u8, news.Left);
        pass.Json.WriteEndObject();
    }

    /// <summary>Writes `device_one_time_keys_count` and `device_unused_fallback_key_types`.</summary>
    public async ValueTask WriteKeyCountsAsync(
        Utf8JsonWriter json, UserDevice reader, DeviceStream device, long asOf, CancellationToken stop)
    {
        if (device.KeyCounts is not { } counts)
        {
            counts = await keysTable.CountsAsync(reader.UserId, reader.DeviceId, stop);
            device.Remember(counts, asOf);
        }

        // Some clients take a missing count, or a missing algorithm, for "unchanged": zero is written.
        json.WriteStartObject("device_one_time_keys_count"u8);
        if (!counts.OneTime.ContainsKey("signed_curve25519")) json.WriteNumber("signed_curve25519"u8, 0);
        foreach (var (algorithm, count) in counts.OneTime) json.WriteNumber(algorithm, count);
        json.WriteEndObject();
        json.WriteStrings("device_unused_fallback_key_types"u8, counts.UnusedFallback);
    }
}
