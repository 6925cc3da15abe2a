namespace Matrix.Host.Media.Store;

/// <summary>Counts the uploads that run, and the bytes that they may add, of each user and of all.</summary>
internal sealed class UploadSlots(MediaOptions options)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, (int Uploads, long Bytes)> _ofUsers = new(StringComparer.Ordinal);
    private int _all;

    /// <summary>
    /// Takes a slot for an upload of at most these bytes; null if the user, or the server, has too many.
    /// </summary>
    internal Slot? Take(string userId, long bytes)
    {
        lock (_gate)
        {
            var own = _ofUsers.GetValueOrDefault(userId);
            if (_all >= options.UploadsAtOnce || own.Uploads >= options.UploadsPerUser) return null;

            // The last slots are for users who have none.
            if (own.Uploads > 0 && _all >= options.UploadsAtOnce - (options.UploadsAtOnce / 4)) return null;
            _all++;
            _ofUsers[userId] = own = (own.Uploads + 1, own.Bytes + bytes);
            return new Slot(this, userId, bytes, own.Uploads, own.Bytes);
        }
    }

    private void Give(string userId, long bytes)
    {
        lock (_gate)
        {
            _all--;
            var own = _ofUsers[userId];
            if (own.Uploads == 1) _ofUsers.Remove(userId);
            else _ofUsers[userId] = (own.Uploads - 1, own.Bytes - bytes);
        }
    }

    /// <summary>A slot, given back when it is disposed.</summary>
    /// <param name="Uploads">The user's uploads that run, this one included.</param>
    /// <param name="AllBytes">The bytes that these may add.</param>
    internal sealed record Slot(UploadSlots Slots, string UserId, long Bytes, int Uploads, long AllBytes) : IDisposable
    {
        public void Dispose() => Slots.Give(UserId, Bytes);
    }
}
