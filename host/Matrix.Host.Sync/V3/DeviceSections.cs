using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Keys;
using Matrix.Host.Streams.Notifying;
using Matrix.Host.Streams.Streams;
using Matrix.Host.Streams.Streams.DeviceLists;
using Matrix.Host.Streams.Streams.ToDevice;

namespace Matrix.Host.Sync.V3;

/// <summary>The parts of a response for the device: messages to it, its key counts, and changed device lists.</summary>
internal sealed class DeviceSections(ToDeviceReader toDevice, DeviceListChanges lists, KeyCountReader keyCounts)
{
    /// <summary>Deletes the messages up to the device's token: they have arrived.</summary>
    public ValueTask AcknowledgeAsync(
        UserDevice reader, DeviceStream device, SyncToken since, CancellationToken stop) =>
        toDevice.AcknowledgeAsync(reader, device, since.ToDeviceUpTo, stop);

    /// <summary>Writes `to_device`. Returns the position of the last message if more are waiting.</summary>
    public async ValueTask<long?> WriteToDeviceAsync(SyncPass pass, CancellationToken stop)
    {
        long after = pass.Since?.ToDeviceUpTo ?? pass.Device.ArrivedThrough;
        if (pass.Since is { ToDevice: null } && pass.Device.LastToDevice <= after) return null;
        var page = await toDevice.ReadAsync(
            pass.Reader, pass.Device, after, pass.UpTo, pass.Options.MaxToDevice, pass.PageBytes, stop);
        if (page.Messages.Count == 0) return null;
        pass.HasNews = true;
        pass.Json.WriteStartEvents("to_device"u8);
        page.Write(pass.Json);
        pass.Json.WriteEndEvents();
        return page.IsCut && page.Last < pass.UpTo ? page.Last : null;
    }

    /// <summary>Writes `device_lists`; an initial sync has none.</summary>
    public async ValueTask WriteListsAsync(SyncPass pass, CancellationToken stop)
    {
        if (pass.Since is not { } since) return;
        var anyChanged = pass.LastDeviceLists > since.DeviceListsUpTo;
        if (!anyChanged && pass.DevicesChanged.Count == 0 && pass.DevicesLeft.Count == 0) return;
        var news = await lists.NewsAsync(
            pass.Reader.UserId, since.DeviceListsUpTo, pass.UpTo, anyChanged, pass.DevicesChanged, pass.DevicesLeft,
                stop);
        if (DeviceListFormat.Write(pass.Json, news)) pass.HasNews = true;
    }

    /// <summary>The counts of the device's keys.</summary>
    public ValueTask<KeyCounts> KeyCountsAsync(
        UserDevice reader, DeviceStream device, long asOf, CancellationToken stop) =>
        keyCounts.OfAsync(reader, device, asOf, stop);
}
