namespace Matrix.Host.Users.Sessions;

/// <summary>How often passwords may be tried.</summary>
public interface IGuessLimits
{
    /// <summary>Counts a try from wherever. The time to wait if there were too many; zero if not.</summary>
    TimeSpan Take(string userId);

    /// <summary>The same from an address where the user logged in lately, which has a limit of its own.</summary>
    TimeSpan TakeKnown(string userId, string address);
}
