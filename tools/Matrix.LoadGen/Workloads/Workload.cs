using Matrix.LoadGen.Reporting;
using Matrix.LoadGen.Servers;

namespace Matrix.LoadGen.Workloads;

/// <summary>A kind of load, with its measurement.</summary>
internal interface IWorkload
{
    /// <summary>Its name on the command line and in the report.</summary>
    string Name { get; }

    /// <summary>One sentence for the help page.</summary>
    string Sentence { get; }

    /// <summary>Creates what it needs on a server; null if the server does not support it.</summary>
    IRun? Prepare(Stage stage);
}

/// <summary>
/// A workload in progress on one server. Servers take turns, slice by slice, so that a machine that slows down slows
/// all of them and their ratios stay valid.
/// </summary>
internal interface IRun : IDisposable
{
    /// <summary>Work before the measurement: code is compiled, caches fill.</summary>
    void WarmUp();

    /// <summary>Measures for a while.</summary>
    void Slice();

    /// <summary>The figures of all slices together.</summary>
    Figures Finish();
}

/// <summary>A server, its users, and the sizes of the workloads.</summary>
internal sealed record Stage(Server Server, Population Population, Settings Settings);

/// <summary>The sizes of the workloads. All are bounded: a load test ends by itself.</summary>
internal sealed record Settings
{
    /// <summary>Turns that each server gets.</summary>
    public int Slices { get; init; } = 5;

    /// <summary>Requests per slice where one request follows another.</summary>
    public int RequestsPerSlice { get; init; } = 400;

    /// <summary>Length of a slice where several clients send at once.</summary>
    public double SecondsPerSlice { get; init; } = 2;

    /// <summary>Senders in one room.</summary>
    public int Senders { get; init; } = 10;

    /// <summary>Users who each send in a room of their own.</summary>
    public int Rooms { get; init; } = 50;

    /// <summary>Clients that wait for one message.</summary>
    public int Pollers { get; init; } = 50;

    /// <summary>Rooms of the account whose initial sync is measured.</summary>
    public int JoinedRooms { get; init; } = 200;

    /// <summary>Messages in each of them.</summary>
    public int MessagesPerRoom { get; init; } = 20;

    /// <summary>Rooms of the account that syncs by windows of them.</summary>
    public int ClientRooms { get; init; } = 1000;

    /// <summary>Messages that are searched, in twice as many rooms as the searching user is in.</summary>
    public int SearchedMessages { get; init; } = 1_000_000;

    /// <summary>Entries of the room in which the growth per state event is measured.</summary>
    public int StateEntries { get; init; } = 10_000;

    /// <summary>Events by which growth is divided.</summary>
    public int GrowthEvents { get; init; } = 5_000;

    /// <summary>The small and the big room by id, for the comparison of the two; null if there is none.</summary>
    public (string Small, string Big)? BigRoom { get; init; }
}
