using System.Text.Json;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.ToDevice;
using Matrix.Host.Streams.Notifying;

namespace Matrix.Host.Streams.Streams.ToDevice;

/// <summary>The messages to a device that fit into a response.</summary>
/// <param name="IsCut">Whether there may be more.</param>
internal readonly record struct ToDevicePage(IReadOnlyList<ToDeviceRow> Messages, bool IsCut)
{
    /// <summary>The position of the last message.</summary>
    public long Last => Messages[^1].Position;

    /// <summary>Writes the messages as elements of an array.</summary>
    public void Write(Utf8JsonWriter json)
    {
        foreach (var message in Messages) json.WriteRaw(message.Json.Span);
    }
}

/// <summary>Reads messages to devices, and deletes those that have arrived.</summary>
internal sealed class ToDeviceReader(ToDeviceTable toDeviceTable, IStorageWriter writer)
{
    /// <summary>The messages after one position and up to another, which count as sent to the device.</summary>
    /// <param name="limit">The most messages.</param>
    /// <param name="mostBytes">The bytes after which no further message comes.</param>
    public async ValueTask<ToDevicePage> ReadAsync(
        UserDevice reader, DeviceStream device, long after, long upTo, int limit, int mostBytes, CancellationToken stop)
    {
        var messages = await toDeviceTable.OfDeviceAsync(reader.UserId, reader.DeviceId, after, upTo, limit, stop);
        var page = Cut(messages, mostBytes, messages.Count >= limit);
        if (messages.Count > 0) device.Delivered(page.Messages[0].Position, page.Last);
        return page;
    }

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
            writer.Post(new WriteBatch(Authority.Nobody, 1)
            {
                OnCommitted = (_, _) => device.Acknowledged(through),
            }.Add(new ToDeviceDelivered(reader.UserId, reader.DeviceId, through)));
        }
        catch (StorageException)
        {
            // The next sync tries again.
        }
    }

    private static ToDevicePage Cut(IReadOnlyList<ToDeviceRow> messages, int mostBytes, bool isCut)
    {
        long bytes = 0;
        for (var i = 0; i < messages.Count; i++)
        {
            if (bytes >= mostBytes) return new ToDevicePage([.. messages.Take(i)], IsCut: true);
            bytes += messages[i].Json.Length;
        }

        return new ToDevicePage(messages, isCut);
    }
}
