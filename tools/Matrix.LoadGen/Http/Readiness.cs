using System.Runtime.InteropServices;

namespace Matrix.LoadGen.Http;

/// <summary>Waits until some of many connections have something to read: `poll`, which costs less than a thread for each.</summary>
internal sealed partial class Readiness(int count)
{
    private const short Readable = 1;
    private const int Interrupted = 4;
    private readonly Watched[] _watched = new Watched[count];

    /// <summary>From now on this place's connection is watched.</summary>
    public void Watch(int place, int descriptor) => _watched[place] = new Watched { Descriptor = descriptor, Events = Readable };

    /// <summary>This place is watched no longer.</summary>
    public void Forget(int place) => _watched[place] = new Watched { Descriptor = -1 };

    /// <summary>Whether there was something at this place, be it the connection's end, at the last wait.</summary>
    public bool IsReady(int place) => _watched[place].Happened != 0;

    /// <summary>Waits for any.</summary>
    public void Wait(int timeoutMilliseconds)
    {
        int ready;
        while ((ready = Poll(_watched, (nuint)_watched.Length, timeoutMilliseconds)) < 0)
        {
            if (Marshal.GetLastPInvokeError() is not Interrupted and var error)
            {
                throw new IOException($"poll failed ({error}).");
            }
        }

        if (ready == 0)
        {
            throw new IOException($"No answer within {timeoutMilliseconds} ms.");
        }
    }

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static partial int Poll([In, Out] Watched[] watched, nuint count, int timeoutMilliseconds);

    [StructLayout(LayoutKind.Sequential)]
    private struct Watched
    {
        public int Descriptor;
        public short Events;
        public short Happened;
    }
}
