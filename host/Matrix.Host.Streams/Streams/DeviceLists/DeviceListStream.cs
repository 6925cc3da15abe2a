using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Keys;
using Matrix.Host.Streams.Notifying;

namespace Matrix.Host.Streams.Streams.DeviceLists;

/// <summary>Device lists of users who share a room, and the counts of a device's one-time keys.</summary>
internal sealed class DeviceListStream(Notifier notifier) : IChangeConsumer
{
    public void OnChange(Change change, long position)
    {
        switch (change)
        {
            case DeviceListChanged changed:
                notifier.DeviceListChanged(changed.UserId, changed.OnlyFor, position, notifier.ToWake);
                break;
            case DeviceAdded made:
                notifier.DeviceListChanged(made.UserId, onlyFor: null, position, notifier.ToWake);
                break;
            case OneTimeKeyUploaded key:
                TouchKeys(key.UserId, key.DeviceId, position);
                break;
            case FallbackKeyUploaded key:
                TouchKeys(key.UserId, key.DeviceId, position);
                break;
            case KeysClaimed claimed:
                foreach (var claim in claimed.Claims) TouchKeys(claim.UserId, claim.DeviceId, position);
                break;
        }
    }

    public void Missed(long through) => notifier.ForgetAll(through);

    private void TouchKeys(string userId, string deviceId, long position) =>
        notifier.Touched(
            userId)?.TouchDevice(deviceId, position, static (device, at) => device.TouchKeys(at), notifier.ToWake);
}
