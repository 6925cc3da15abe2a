using Matrix.Core.Json;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.ToDevice;
using Matrix.Host.Storage.Writing;
using Matrix.Host.Streams.Notifying;

namespace Matrix.Host.Sync.V3;

/// <summary>What is for a device alone: messages to it, its keys, and whose devices changed.</summary>
internal sealed class DeviceSections(IStorage storage)
{
    /// <summary>The device came back with a token: the messages up to it have arrived and are deleted.</summary>
    public async ValueTask AcknowledgeAsync(Reader reader, DeviceFeed device, SyncToken since, CancellationToken stop)
    {
        long through = since.ToDeviceUpTo;
        if (!device.MayHaveDelivered(through)) return;

        // After a restart nobody knows what was handed out before: then the database is asked, once.
        var delivered = await storage.ToDevice.OfDeviceAsync(reader.UserId, reader.DeviceId, 0, through, 1, stop).ConfigureAwait(false);
        if (delivered.Count == 0)
        {
            device.Acknowledged(through);
            return;
        }

        device.ArrivedThrough = through;
        try
        {
            // Nobody waits for it: what arrived is not sent again, deleted or not.
            storage.Writer.Post(new WriteSet(1)
            {
                OnCommitted = (_, _) => device.Acknowledged(through),
            }.Add(new DeleteToDevice(reader.UserId, reader.DeviceId, through)));
        }
        catch (StorageException)
        {
            // The next sync tries again.
        }
    }

    /// <summary>Writes `to_device`; answers the position of the last message if more are waiting.</summary>
    public async ValueTask<long?> WriteToDeviceAsync(SyncTurn turn, CancellationToken stop)
    {
        long after = turn.Since?.ToDeviceUpTo ?? turn.Device.ArrivedThrough;
        if (turn.Since is { ToDevice: null } && turn.Device.LastToDevice <= after) return null;

        int limit = turn.Options.MaxToDevice;
        var messages = await storage.ToDevice.OfDeviceAsync(
            turn.Reader.UserId, turn.Reader.DeviceId, after, turn.UpTo, limit, stop).ConfigureAwait(false);
        if (messages.Count == 0) return null;

        turn.HasNews = true;
        turn.Output.OpenEvents("to_device"u8);
        foreach (var message in messages)
        {
            turn.Output.Next();
            turn.Output.Raw(message.Json.Span);
        }

        turn.Output.CloseEvents();
        long last = messages[^1].Position;
        turn.Device.Delivered(messages[0].Position, last);
        return messages.Count >= limit && last < turn.UpTo ? last : null;
    }

    /// <summary>Writes `device_lists`; an initial sync has none.</summary>
    public async ValueTask WriteListsAsync(SyncTurn turn, CancellationToken stop)
    {
        if (turn.Since is not { } since) return;
        if (turn.LastDeviceLists > since.Position)
        {
            turn.DevicesChanged.UnionWith(await storage.Keys
                .ChangedForAsync(turn.Reader.UserId, since.Position, turn.UpTo, stop).ConfigureAwait(false));
        }

        if (turn.DevicesLeft.Count > 0)
        {
            turn.DevicesLeft.ExceptWith(await storage.Memberships
                .SharingAmongAsync(turn.Reader.UserId, turn.DevicesLeft, stop).ConfigureAwait(false));
            turn.DevicesChanged.ExceptWith(turn.DevicesLeft);
        }

        if (turn.DevicesChanged.Count == 0 && turn.DevicesLeft.Count == 0) return;
        turn.HasNews = true;
        turn.Output.Open("device_lists"u8);
        turn.Output.Texts("changed"u8, turn.DevicesChanged);
        turn.Output.Texts("left"u8, turn.DevicesLeft);
        turn.Output.Close();
    }

    /// <summary>The members `device_one_time_keys_count` and `device_unused_fallback_key_types`, counted and remembered.</summary>
    public async ValueTask<byte[]> CountKeysAsync(Reader reader, DeviceFeed device, long asOf, CancellationToken stop)
    {
        var counts = await storage.Keys.CountsAsync(reader.UserId, reader.DeviceId, stop).ConfigureAwait(false);
        using var output = new ByteBuffer(256);
        output.Open("device_one_time_keys_count"u8);

        // Clients take a missing count for "not told", and some a missing algorithm too: zero is said.
        if (!counts.OneTime.ContainsKey("signed_curve25519")) output.Number("signed_curve25519"u8, 0);
        foreach (var (algorithm, count) in counts.OneTime)
        {
            output.Name(algorithm);
            CanonicalJson.writeInt(output, count);
        }

        output.Close();
        output.Texts("device_unused_fallback_key_types"u8, counts.UnusedFallback);
        byte[] rendered = output.ToArray();
        device.Remember(rendered, asOf);
        return rendered;
    }
}
