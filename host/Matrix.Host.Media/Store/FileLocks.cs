using System.Globalization;

namespace Matrix.Host.Media.Store;

/// <summary>
/// Orders what happens to one content: its last URI may be deleted while it is uploaded again. Some contents share a
/// lock.
/// </summary>
internal sealed class FileLocks : IDisposable
{
    private const int Count = 64;

    private readonly SemaphoreSlim[] _locks = [.. Enumerable.Range(0, Count).Select(_ => new SemaphoreSlim(1))];

    internal async ValueTask<Held> TakeAsync(string hash, CancellationToken stop)
    {
        var one = _locks[int.Parse(hash.AsSpan(0, 2), NumberStyles.HexNumber, CultureInfo.InvariantCulture) % Count];
        await one.WaitAsync(stop);
        return new Held(one);
    }

    public void Dispose()
    {
        foreach (var one in _locks) one.Dispose();
    }

    internal readonly struct Held(SemaphoreSlim one) : IDisposable
    {
        public void Dispose() => one.Release();
    }
}
