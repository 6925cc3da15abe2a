using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Matrix.Host.Media.Store;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.Media;

/// <summary>Contents in memory, of which a test decides what fails and what waits.</summary>
internal sealed class StubFiles : IMediaFiles
{
    private int _copies;

    internal ConcurrentDictionary<string, byte[]> Contents { get; } = new(StringComparer.Ordinal);

    /// <summary>The contents whose deletion fails.</summary>
    internal ConcurrentDictionary<string, bool> Undeletable { get; } = new(StringComparer.Ordinal);

    /// <summary>Whether contents cannot be kept.</summary>
    internal bool IsFull { get; set; }

    /// <summary>Whole contents are read after it is completed.</summary>
    internal Task Held { get; set; } = Task.CompletedTask;

    /// <summary>How often a whole content was read, or waits for that.</summary>
    internal int Copies => Volatile.Read(ref _copies);

    /// <summary>Starts a server with these contents.</summary>
    internal async Task<TestServer> StartAsync(params (string Key, string Value)[] settings)
    {
        var server = await TestServer.StartAsync(settings);
        server.Replaces = parts => parts.AddSingleton<IMediaFiles>(this);
        await server.RestartAsync();
        return server;
    }

    public async ValueTask KeepAsync(SpooledFile file, string name, CancellationToken stop)
    {
        if (IsFull) throw new IOException("The test's disk is full.");
        Contents[name] = await File.ReadAllBytesAsync(file.Path, stop);
    }

    public ValueTask<MediaFile?> OpenAsync(string name, CancellationToken stop) => ValueTask.FromResult<MediaFile?>(
        Contents.TryGetValue(name, out var content) ? new StubFile(this, content) : null);

    public ValueTask DeleteAsync(string name, CancellationToken stop)
    {
        if (Undeletable.ContainsKey(name)) throw new IOException("The test's content stays.");
        Contents.TryRemove(name, out _);
        return ValueTask.CompletedTask;
    }

    public async IAsyncEnumerable<IReadOnlyList<string>> ListAsync(
        DateTimeOffset after, DateTimeOffset before, [EnumeratorCancellation] CancellationToken stop)
    {
        await Task.Yield();
        yield return [.. Contents.Keys.Order(StringComparer.Ordinal)];
    }

    private sealed class StubFile(StubFiles files, byte[] content) : MediaFile
    {
        public override long Length => content.Length;

        public override async ValueTask<Stream> OpenAsync(long offset, long length, CancellationToken stop)
        {
            if (length == content.Length)
            {
                Interlocked.Increment(ref files._copies);
                await files.Held.WaitAsync(stop);
            }

            return new MemoryStream(content, (int)offset, (int)length);
        }
    }
}
