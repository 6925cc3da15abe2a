using System.Runtime.InteropServices;

namespace Matrix.Processes;

/// <summary>Signals to one process, by the id that was kept when it was started.</summary>
public static partial class Signals
{
    private const int Kill = 9;
    private const int Terminate = 15;
    private const int Continue = 18;
    private const int Stop = 19;

    /// <summary>SIGKILL.</summary>
    public static void SendKill(int processId) => Send(processId, Kill);

    /// <summary>SIGTERM.</summary>
    public static void SendTerminate(int processId) => Send(processId, Terminate);

    /// <summary>SIGSTOP: the process stands still.</summary>
    public static void SendStop(int processId) => Send(processId, Stop);

    /// <summary>SIGCONT.</summary>
    public static void SendContinue(int processId) => Send(processId, Continue);

    private static void Send(int processId, int signal)
    {
        // Zero and negative ids would be groups of processes, ours among them.
        ArgumentOutOfRangeException.ThrowIfLessThan(processId, 2);
        _ = NativeKill(processId, signal);
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int NativeKill(int processId, int signal);
}
