namespace Matrix.Host.Tests.Support;

/// <summary>Alice and bob in a room of alice's, on each database in turn.</summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
internal abstract class TwoInARoomTests(string databaseKind) : TwoUsersTests(databaseKind)
{
    /// <summary>The room.</summary>
    protected string Room { get; private set; } = null!;

    [SetUp]
    public async Task MeetInARoom()
    {
        Room = await Alice.CreatesRoomAsync();
        await Bob.JoinsAsync(Room);
    }
}
